"""Tests of recalling, deleting and hiding messages of a group, and of the counts that this leaves."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from db.mention import Mention
from db.message import Message
from db.outbox import Kind
from db.session import write
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code
from messaging.recall import recall
from messaging.status import Status
from messaging.withdrawn import Withdrawn
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, events, read, refusal
from tests.messaging.groups.counting import EVE, change, counts, four, head_of, joining, leaving, recounts, row_of, say
from tests.messaging.groups.test_read import reads

TakeBack = Callable[..., Withdrawn]


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make the group, on both databases. Returns its id."""
    return four()


def recalls(user: int, message: Message, *, after: int = 0) -> Withdrawn:
    """Recall a message that many seconds after it was sent."""
    when = message.create_time + timedelta(seconds=after)
    return write(lambda session, _: recall(session, when, user_id=user, message_id=message.id))


def deletes(user: int, message: Message, *, after: int = 0) -> Withdrawn:
    """Delete a message for everyone, that many seconds after it was sent."""
    when = message.create_time + timedelta(seconds=after)
    return write(lambda session, _: delete_for_everyone(session, when, user_id=user, message_id=message.id))


def hides(user: int, message: Message) -> Withdrawn:
    return write(delete_for_oneself, user_id=user, message_id=message.id)


def exact(group_id: int) -> None:
    assert counts(group_id) == recounts(group_id)


def status_of(message: Message) -> int:
    return read(lambda session: session.get_one(Message, message.id).status)


@pytest.mark.parametrize(
    ("user", "after", "allowed"),
    [
        (CAROL, 120, True),  # its author
        (CAROL, 121, Code.RECALL_TOO_LATE),
        (ALICE, 10_000, True),  # the owner
        (BOB, 10_000, True),  # an admin
        (DAVE, 0, Code.FORBIDDEN),
        (EVE, 0, Code.NO_SUCH_MESSAGE),
    ],
)
def test_who_recalls_a_members_message(group_id: int, user: int, after: int, allowed: Any) -> None:
    message = say(group_id, CAROL)
    if isinstance(allowed, Code):
        assert refusal(lambda: recalls(user, message, after=after)) is allowed
        assert (status_of(message), counts(group_id)[DAVE]) == (1, 1)
    else:
        done = recalls(user, message, after=after)
        assert (done.message.status, done.shard) == (Status.RECALLED, head_of(group_id).shard)
        assert set(counts(group_id).values()) == {0}
    exact(group_id)


@pytest.mark.parametrize(
    ("user", "code"),
    [(CAROL, None), (ALICE, None), (BOB, None), (DAVE, Code.FORBIDDEN), (EVE, Code.NO_SUCH_MESSAGE)],
)
def test_who_deletes_a_members_message_for_everyone(group_id: int, user: int, code: Code | None) -> None:
    message = say(group_id, CAROL)
    if code:
        assert refusal(lambda: deletes(user, message, after=10_000)) is code
        assert status_of(message) == 1
    else:
        assert deletes(user, message, after=10_000).message.status == Status.DELETED
        assert set(counts(group_id).values()) == {0}
    exact(group_id)


def test_an_admin_takes_the_owners_message_back(group_id: int) -> None:
    message = say(group_id, ALICE)
    assert recalls(BOB, message, after=500).message.status == Status.RECALLED
    assert deletes(BOB, message).message.status == Status.DELETED


@pytest.mark.parametrize("take_back", [recalls, deletes])
@pytest.mark.parametrize("user", [ALICE, BOB, CAROL])
def test_a_system_message_stays(group_id: int, take_back: TakeBack, user: int) -> None:
    message = change(group_id, CAROL)
    assert refusal(lambda: take_back(user, message)) is Code.FORBIDDEN


@pytest.mark.parametrize("take_back", [recalls, deletes])
def test_a_message_is_taken_back_once(group_id: int, take_back: TakeBack) -> None:
    message = say(group_id, CAROL)
    take_back(CAROL, message)
    before = head_of(group_id).change_seq, counts(group_id)
    assert refusal(lambda: take_back(BOB, message)) is Code.ALREADY_WITHDRAWN
    assert (head_of(group_id).change_seq, counts(group_id)) == before


@pytest.mark.parametrize("take_back", [recalls, deletes])
def test_only_those_who_counted_it_count_one_less(group_id: int, take_back: TakeBack) -> None:
    first, second = say(group_id, CAROL), say(group_id, CAROL)
    reads(group_id, DAVE, second)
    hides(ALICE, second)
    write(joining(group_id, EVE))
    assert counts(group_id) == {ALICE: 1, BOB: 2, CAROL: 0, DAVE: 0, EVE: 0}
    take_back(CAROL, second)
    assert counts(group_id) == {ALICE: 1, BOB: 1, CAROL: 0, DAVE: 0, EVE: 0}
    take_back(CAROL, first)
    assert set(counts(group_id).values()) == {0}
    exact(group_id)


def test_what_was_recalled_is_not_taken_off_again_by_its_deletion(group_id: int) -> None:
    message, _ = say(group_id, CAROL), say(group_id, CAROL)
    recalls(CAROL, message)
    deletes(CAROL, message)
    assert counts(group_id) == {ALICE: 1, BOB: 1, CAROL: 0, DAVE: 1}
    exact(group_id)


def test_many_members_count_one_less(group_id: int) -> None:
    """More than one statement's rows."""
    for user in range(100, 210):
        write(joining(group_id, user))
    message = say(group_id, CAROL)
    recalls(BOB, message)
    assert set(counts(group_id).values()) == {0}


def test_who_has_left_reads_and_hides_and_no_more(group_id: int) -> None:
    own, others = say(group_id, DAVE), say(group_id, ALICE)
    write(leaving(group_id, DAVE))
    assert refusal(lambda: recalls(DAVE, own)) is Code.ROLE_TOO_LOW
    assert refusal(lambda: deletes(DAVE, own)) is Code.ROLE_TOO_LOW
    hides(DAVE, others)
    assert row_of(group_id, DAVE).change_seq == head_of(group_id).change_seq, "their other devices learn of it"
    assert reads(group_id, DAVE).unread_count == 0


@pytest.mark.parametrize("take_back", [recalls, deletes])
def test_who_has_left_counts_one_less_of_what_they_saw(group_id: int, take_back: TakeBack) -> None:
    first, second, third = (say(group_id, ALICE) for _ in range(3))
    write(leaving(group_id, DAVE))
    after = say(group_id, ALICE)
    assert counts(group_id)[DAVE] == 3
    take_back(ALICE, second)
    take_back(ALICE, after)
    assert counts(group_id)[DAVE] == 2, "what came after them they never counted"
    hides(DAVE, third)
    exact(group_id)
    reads(group_id, DAVE, first)
    assert counts(group_id)[DAVE] == 0
    take_back(ALICE, first)
    exact(group_id)


def test_who_came_back_takes_back_nothing_that_they_no_longer_see(group_id: int) -> None:
    own = say(group_id, DAVE)
    write(leaving(group_id, DAVE))
    write(joining(group_id, DAVE))
    for take in (recalls, deletes, hides):
        assert refusal(lambda take=take: take(DAVE, own)) is Code.NO_SUCH_MESSAGE
    recalls(BOB, own)
    exact(group_id)


def test_what_is_said_after_one_has_left_is_not_theirs_to_hide(group_id: int) -> None:
    write(leaving(group_id, DAVE))
    after = say(group_id, ALICE)
    assert refusal(lambda: hides(DAVE, after)) is Code.NO_SUCH_MESSAGE


def test_hiding_is_for_oneself_alone_and_once(group_id: int) -> None:
    message = say(group_id, ALICE)
    first, again = hides(DAVE, message), hides(DAVE, message)
    assert (first.shard, again.shard) == (head_of(group_id).shard, None)
    assert counts(group_id) == {ALICE: 0, BOB: 1, CAROL: 1, DAVE: 0}
    assert status_of(message) == Status.SENT
    *_, event = events()
    assert (event.kind, event.user_id) == (Kind.HIDDEN, DAVE)


@pytest.mark.parametrize("how", ["own", "read", "recalled", "system"])
def test_hiding_what_does_not_count_takes_nothing_off(group_id: int, how: str) -> None:
    message = change(group_id, ALICE) if how == "system" else say(group_id, DAVE if how == "own" else ALICE)
    if how == "read":
        reads(group_id, DAVE)
    if how == "recalled":
        recalls(ALICE, message)
    say(group_id, ALICE)
    hides(DAVE, message)
    assert counts(group_id)[DAVE] == 1
    exact(group_id)


def test_the_last_message_of_all_is_the_newest_that_is_not_deleted(group_id: int) -> None:
    first, second, third = (say(group_id, ALICE) for _ in range(3))
    hides(BOB, third)
    recalls(ALICE, third)
    assert head_of(group_id).last_message_id == third.id, "a recalled one shows that it was"
    deletes(ALICE, second)
    assert head_of(group_id).last_message_id == third.id
    deletes(ALICE, third)
    assert head_of(group_id).last_message_id == first.id
    deletes(ALICE, first)
    assert head_of(group_id).last_message_id == first.id - 1, "the message that made the group is never deleted"


@pytest.mark.parametrize(
    ("take_back", "kind"), [(recalls, Kind.RECALLED), (deletes, Kind.DELETED)], ids=["recall", "delete"]
)
def test_it_takes_a_number_and_is_told_once(group_id: int, take_back: TakeBack, kind: Kind) -> None:
    message = say(group_id, CAROL)
    take_back(BOB, message)
    *_, event = events()
    assert (event.kind, event.user_id, event.message_id, event.change_seq) == (kind, BOB, message.id, 3)
    assert (head_of(group_id).last_seq, head_of(group_id).change_seq) == (2, 3)


@pytest.mark.parametrize("take_back", [recalls, deletes])
@pytest.mark.parametrize("mentions", [[DAVE, BOB], ["all"]], ids=str)
def test_mentions_end_with_their_message(group_id: int, take_back: TakeBack, mentions: list[Any]) -> None:
    kept, gone = (say(group_id, ALICE, mentions=mentions) for _ in range(2))
    take_back(ALICE, gone)
    assert set(read(lambda session: session.scalars(select(Mention.seq)).all())) == {kept.seq}


@pytest.mark.parametrize("name", [ALICE, DAVE])
def test_an_absent_message(group_id: int, name: int) -> None:
    for rule in (recall, delete_for_everyone, delete_for_oneself):
        assert refusal(lambda rule=rule: write(rule, user_id=name, message_id=2**50)) is Code.NO_SUCH_MESSAGE
