"""Tests of the trace of a group's message, to those who have received the least."""

from db.session import read
from messaging.conversation_id import group
from messaging.delivered import Proof
from messaging.trace import MOST_OF_A_GROUP, Trace, trace
from tests.groups import changed, made, said
from tests.messaging.conftest import ALICE, BOB, CAROL, drain, set_view, store_proofs

DAVE = 4


def trace_of(message_id: int) -> list[Trace]:
    return read(trace, message_id=message_id)


def stages(message_id: int) -> dict[int, tuple[bool, bool, bool, bool]]:
    """Returns how far the message has come to each recipient."""
    found = trace_of(message_id)
    assert all(each.answered is None is each.read for each in found)
    return {each.user_id: (each.projected, each.published, each.was_answered, each.was_read) for each in found}


def test_a_message_is_followed_to_each_reader(any_database: str) -> None:
    name = group(made(ALICE, BOB, CAROL))
    (message,) = said(name, ALICE, "hello")
    assert stages(message["id"]) == dict.fromkeys((BOB, CAROL), (True, False, False, False))
    drain()
    store_proofs(Proof(BOB, name, 0, 2))
    set_view(CAROL, name, delivered_seq=2, read_seq=2)
    assert stages(message["id"]) == {BOB: (True, True, True, False), CAROL: (True, True, True, True)}


def test_it_is_about_those_who_may_see_it(any_database: str) -> None:
    name = group(made(ALICE, BOB, CAROL))
    (earlier,) = said(name, ALICE, "hello")
    joined = changed(name, ALICE, came=(DAVE,), went=(CAROL,))
    (later,) = said(name, ALICE, "hello")
    assert list(stages(earlier["id"])) == [BOB, CAROL]
    assert list(stages(joined["id"])) == [BOB, CAROL, DAVE]
    assert not any(each.published for each in trace_of(joined["id"]))
    assert list(stages(later["id"])) == [BOB, DAVE]


def test_of_many_it_tells_those_who_have_received_the_least(any_database: str) -> None:
    users = range(1_000, 1_000 + MOST_OF_A_GROUP + 10)
    name = group(made(ALICE, *users))
    (message,) = said(name, ALICE, "hello")
    store_proofs(*(Proof(user, name, 0, 2) for user in users[:10]))
    assert list(stages(message["id"])) == list(users[10:])
