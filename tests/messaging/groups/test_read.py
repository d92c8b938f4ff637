"""Tests of reading in a group."""

from typing import Any

import pytest
from sqlalchemy import update

from db.group import Group
from db.head import Head
from db.message import Message
from db.session import write
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code
from messaging.events import GroupRead, event_of
from messaging.groups.read import MOST_LOOKED_AT, MOST_TOLD
from messaging.read import Read, read
from messaging.recall import recall
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, events, refusal
from tests.messaging.groups.counting import EVE, change, counts, four, head_of, joining, leaving, recounts, row_of, say


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make the group, on both databases. Returns its id."""
    return four()


def reads(group_id: int, user: int, message: Any = None, *, named: bool = True, **more: Any) -> Read:
    """Let a user read all up to a message, or without one the whole group."""
    what: dict[str, Any] = {"message_id": message.id} if message else {}
    if named or message is None:
        what["conversation_id"] = group(group_id)
    return write(read, user_id=user, **what, **more)


def exact(group_id: int) -> None:
    assert counts(group_id) == recounts(group_id)


def told() -> list[GroupRead]:
    return [each for each in map(event_of, events()) if isinstance(each, GroupRead)]


def test_a_group_is_read_to_its_end(group_id: int) -> None:
    for author in (ALICE, BOB, CAROL):
        say(group_id, author)
    assert counts(group_id) == {ALICE: 2, BOB: 2, CAROL: 2, DAVE: 3}
    done = reads(group_id, DAVE)
    assert done == Read(group(group_id), 4, 0, head_of(group_id).shard)
    assert counts(group_id) == {ALICE: 2, BOB: 2, CAROL: 2, DAVE: 0}
    say(group_id, CAROL)
    assert counts(group_id)[DAVE] == 1
    exact(group_id)


def test_reading_takes_no_number_and_leaves_messages_as_they_are(group_id: int) -> None:
    message = say(group_id, ALICE)
    before = head_of(group_id).change_seq
    reads(group_id, BOB)
    assert head_of(group_id).change_seq == before
    assert refusal(lambda: write(recall, user_id=CAROL, message_id=message.id)) is Code.FORBIDDEN
    assert told()[0].change_seq == 0


@pytest.mark.parametrize("named", [False, True])
def test_one_message_is_read_with_all_before_it(group_id: int, named: bool) -> None:
    messages = [say(group_id, ALICE) for _ in range(4)]
    say(group_id, DAVE)
    done = reads(group_id, DAVE, messages[1], named=named)
    assert (done.read_seq, done.unread_count) == (messages[1].seq, 2)
    assert (row_of(group_id, DAVE).read_seq, row_of(group_id, DAVE).delivered_seq) == (messages[1].seq,) * 2
    exact(group_id)


@pytest.mark.parametrize("named", [False, True])
def test_ones_own_and_a_system_message_are_places_to_read_up_to(group_id: int, named: bool) -> None:
    say(group_id, ALICE)
    own = say(group_id, DAVE)
    say(group_id, ALICE)
    assert reads(group_id, DAVE, own, named=named).unread_count == 1
    system = change(group_id, ALICE)
    assert reads(group_id, DAVE, system, named=named).unread_count == 0
    exact(group_id)


def test_what_was_withdrawn_is_a_place_and_is_not_taken_off_twice(group_id: int) -> None:
    first, second, third = (say(group_id, ALICE) for _ in range(3))
    write(recall, user_id=ALICE, message_id=first.id)
    write(delete_for_everyone, user_id=BOB, message_id=second.id)
    write(delete_for_oneself, user_id=DAVE, message_id=third.id)
    assert counts(group_id) == {ALICE: 0, BOB: 1, CAROL: 1, DAVE: 0}
    assert reads(group_id, CAROL, second).unread_count == 1
    assert reads(group_id, DAVE, third).unread_count == 0
    exact(group_id)


def test_reading_again_or_less_changes_nothing_and_is_not_told(group_id: int) -> None:
    first, second = say(group_id, ALICE), say(group_id, ALICE)
    say(group_id, ALICE)
    reads(group_id, BOB, second)
    for message in (first, second):
        assert reads(group_id, BOB, message) == Read(group(group_id), second.seq, 1, None)
    assert len(told()) == 1


def test_delivery_does_not_fall_back_to_what_was_read(group_id: int) -> None:
    first, _ = say(group_id, ALICE), say(group_id, BOB)
    reads(group_id, BOB)
    assert row_of(group_id, BOB).delivered_seq == 3
    reads(group_id, BOB, first)
    assert row_of(group_id, BOB).delivered_seq == 3


def test_a_newcomer_reads_and_counts_only_what_came_since(group_id: int) -> None:
    before = say(group_id, ALICE)
    write(joining(group_id, EVE))
    say(group_id, ALICE)
    last = say(group_id, ALICE)
    assert counts(group_id)[EVE] == 2
    assert refusal(lambda: reads(group_id, EVE, before)) is Code.NO_SUCH_MESSAGE
    say(group_id, ALICE)
    assert reads(group_id, EVE, last).unread_count == 1
    exact(group_id)


def test_who_comes_back_counts_only_what_came_since(group_id: int) -> None:
    say(group_id, ALICE)
    write(leaving(group_id, DAVE))
    say(group_id, ALICE)
    write(joining(group_id, DAVE))
    first, _ = say(group_id, ALICE), say(group_id, ALICE)
    assert counts(group_id)[DAVE] == 2
    assert reads(group_id, DAVE, first).unread_count == 1
    exact(group_id)


def test_who_has_left_reads_what_they_saw_and_no_more(group_id: int) -> None:
    first, second = say(group_id, ALICE), say(group_id, ALICE)
    write(leaving(group_id, DAVE))
    after = say(group_id, ALICE)
    assert refusal(lambda: reads(group_id, DAVE, after)) is Code.NO_SUCH_MESSAGE
    assert reads(group_id, DAVE, first).unread_count == 1
    assert reads(group_id, DAVE, first).unread_count == 1
    assert reads(group_id, DAVE) == Read(group(group_id), second.seq + 1, 0, head_of(group_id).shard)
    assert [each.authors for each in told()] == [(), ()], "nobody in the group learns of it"


def test_the_reader_and_the_authors_of_what_was_newly_read_are_told(group_id: int) -> None:
    first, _, third = say(group_id, ALICE), say(group_id, BOB), say(group_id, DAVE)
    reads(group_id, DAVE, first, origin="abc")
    reads(group_id, DAVE, third)
    both = {"conversation_id": group(group_id), "change_seq": 0, "user_id": DAVE}
    one, other = told()
    assert one == GroupRead(**both, read_seq=first.seq, origin="abc", authors=(ALICE,))
    assert (other.read_seq, other.origin, other.authors) == (third.seq, None, (BOB,))
    assert other.concerns(()) == (DAVE, BOB)


def test_nobody_is_told_of_what_they_can_no_longer_see(group_id: int) -> None:
    say(group_id, CAROL)
    say(group_id, DAVE)
    recalled = say(group_id, ALICE)
    write(recall, user_id=ALICE, message_id=recalled.id)
    write(leaving(group_id, CAROL))
    write(leaving(group_id, DAVE))
    write(joining(group_id, DAVE))
    reads(group_id, BOB)
    assert told()[0].authors == ()


@pytest.mark.parametrize(("size", "authors"), [(MOST_TOLD, (ALICE,)), (MOST_TOLD + 1, ())])
def test_authors_are_told_in_small_groups_only(group_id: int, size: int, authors: tuple[int, ...]) -> None:
    say(group_id, ALICE)
    write(lambda session, _: session.execute(update(Group).values(member_count=size)))
    reads(group_id, DAVE)
    assert told()[0].authors == authors


def test_of_very_much_that_is_read_at_once_the_newest_authors_are_told(group_id: int) -> None:
    say(group_id, CAROL)
    last = say(group_id, BOB)
    write(lambda session, _: _move(session, last, by=MOST_LOOKED_AT - 1))
    reads(group_id, DAVE)
    assert told()[0].authors == (BOB,)


def _move(session: Any, message: Any, *, by: int) -> None:
    """Let a message be the last of many, which are not there."""
    session.execute(update(Message).where(Message.id == message.id).values(seq=message.seq + by))
    session.execute(update(Head).values(last_seq=message.seq + by))


@pytest.mark.parametrize("name", ["group_99", "group_01", "group_", "group_0"])
def test_a_group_that_is_not_there(group_id: int, name: str) -> None:
    assert refusal(lambda: write(read, user_id=ALICE, conversation_id=name)) is Code.NO_SUCH_CONVERSATION


def test_a_stranger_is_told_from_an_absent_group_by_nothing(group_id: int) -> None:
    message = say(group_id, ALICE)
    assert refusal(lambda: reads(group_id, EVE)) is Code.NO_SUCH_CONVERSATION
    assert refusal(lambda: reads(group_id, EVE, message)) is Code.NO_SUCH_CONVERSATION
    assert refusal(lambda: reads(group_id, EVE, message, named=False)) is Code.NO_SUCH_MESSAGE
