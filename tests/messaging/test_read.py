"""Tests of reading one message, all up to one, or a whole conversation."""

from typing import Any

import pytest

from db.session import write
from messaging.delete import delete_for_everyone
from messaging.errors import Code
from messaging.events import ConversationRead, event_of
from messaging.message_type import MessageType
from messaging.read import Read, read
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    drain,
    events,
    head,
    hide,
    messages,
    nothing_drifts,
    project,
    prove,
    refusal,
    set_message,
    set_view,
    store_many,
    stored,
    view,
)

Messages = list[dict[str, Any]]


def bob_reads(message: dict[str, Any] | None = None, *, all_up_to: bool = False, **more: Any) -> Read:
    """Let Bob read a message, all up to it, or without one the whole conversation with Alice."""
    what: dict[str, Any] = {"message_id": message["id"]} if message else {}
    if all_up_to or message is None:
        what["conversation_id"] = "1_2"
    return write(read, user_id=BOB, **what, **more)


def statuses() -> list[int]:
    return [message.status for message in messages()]


@pytest.fixture
def three(pair: str) -> Messages:
    """Send three messages from Alice, which Bob has not read. Returns the Messages; the outbox is empty."""
    sent = store_many(ALICE, BOB, 3)
    drain()
    return sent


def test_one_message_alone_leaves_those_before_it(three: Messages) -> None:
    done = bob_reads(three[1])
    assert (done.read_seq, done.unread_count) == (0, 2)
    assert statuses() == [1, 3, 1]
    assert (view(BOB).read_seq, view(BOB).unread_count) == (0, 2)


def test_one_message_alone_moves_no_watermark_even_when_it_is_the_only_one(pair: str) -> None:
    message = stored(ALICE, BOB)
    project()
    done = bob_reads(message)
    assert (done.read_seq, done.unread_count) == (0, 0)
    nothing_drifts()


def test_all_up_to_a_message_leaves_those_after_it(three: Messages) -> None:
    done = bob_reads(three[1], all_up_to=True)
    assert (done.conversation_id, done.read_seq, done.unread_count) == ("1_2", 2, 1)
    assert statuses() == [3, 3, 1]
    nothing_drifts()


def test_a_conversation_is_read_to_its_end(three: Messages) -> None:
    done = bob_reads()
    assert (done.read_seq, done.unread_count) == (3, 0)
    assert statuses() == [3, 3, 3]


def test_own_messages_are_not_read_by_oneself(three: Messages) -> None:
    stored(BOB, ALICE)
    project()
    assert bob_reads().read_seq == 4
    assert statuses() == [3, 3, 3, 1]


def test_ones_own_message_is_a_place_to_read_up_to(three: Messages) -> None:
    own = stored(BOB, ALICE)
    assert bob_reads(own, all_up_to=True).read_seq == 4
    assert statuses() == [3, 3, 3, 1]


def test_what_was_read_alone_is_not_taken_off_twice(three: Messages) -> None:
    bob_reads(three[0])
    assert bob_reads(three[1], all_up_to=True).unread_count == 1
    nothing_drifts()


@pytest.mark.parametrize("all_up_to", [False, True])
def test_reading_again_changes_nothing_and_is_not_told(three: Messages, all_up_to: bool) -> None:
    first = bob_reads(three[0], all_up_to=all_up_to)
    change_seq, told = head().change_seq, len(events())
    again = bob_reads(three[0], all_up_to=all_up_to)
    assert (again.read_seq, again.unread_count, again.shard) == (first.read_seq, first.unread_count, None)
    assert (head().change_seq, len(events())) == (change_seq, told)


def test_reading_up_to_an_older_place_takes_nothing_back(three: Messages) -> None:
    bob_reads(three[2], all_up_to=True)
    done = bob_reads(three[0], all_up_to=True)
    assert (done.read_seq, done.shard, view(BOB).read_seq) == (3, None, 3)


@pytest.mark.parametrize(("alone", "left"), [(True, 1), (False, 0)])
def test_what_is_read_before_the_drain_has_come_is_not_counted_by_it(pair: str, alone: bool, left: int) -> None:
    _, last = store_many(ALICE, BOB, 2)
    done = bob_reads(last, all_up_to=not alone)
    assert (done.unread_count, view(BOB).last_seq) == (0, 0)
    project()
    assert (view(BOB).unread_count, view(BOB).last_seq) == (left, 2)
    nothing_drifts()


def test_reading_past_what_is_counted_empties_the_count(three: Messages) -> None:
    store_many(ALICE, BOB, 2)
    assert bob_reads() == Read("1_2", 5, 0, head().shard)
    project()
    nothing_drifts()


def test_reading_is_delivery(three: Messages) -> None:
    bob_reads(three[1], all_up_to=True)
    assert view(BOB).delivered_seq == 2
    assert [message.delivered_at is not None for message in messages()] == [True, True, False]


def test_a_single_read_is_delivery_of_that_message_alone(three: Messages) -> None:
    bob_reads(three[1])
    assert view(BOB).delivered_seq == 0
    assert [message.delivered_at is not None for message in messages()] == [False, True, False]


def test_the_time_of_delivery_stays_what_it_was(three: Messages) -> None:
    prove(BOB, 0, 3)
    moment = view(BOB).create_time.replace(year=2020)
    for message in three:
        set_message(message, delivered_at=moment)
    bob_reads(three[0])
    bob_reads()
    assert {message.delivered_at for message in messages()} == {moment}
    assert all(message.read_at > moment for message in messages())


def test_delivery_does_not_fall_back_to_what_was_read(three: Messages) -> None:
    prove(BOB, 0, 3)
    bob_reads(three[0], all_up_to=True)
    assert view(BOB).delivered_seq == 3


def test_hidden_and_system_messages_were_not_counted_and_are_not_taken_off(three: Messages) -> None:
    hide(BOB, three[0])
    set_message(three[1], message_type=MessageType.SYSTEM)
    set_view(BOB, unread_count=1)
    store_many(ALICE, BOB, 2)
    project()
    assert view(BOB).unread_count == 3
    assert bob_reads(three[1], all_up_to=True).unread_count == 3
    nothing_drifts()


def test_a_hidden_message_read_alone_takes_nothing_off(three: Messages) -> None:
    hide(BOB, three[0])
    set_view(BOB, unread_count=2)
    assert bob_reads(three[0]).unread_count == 2
    nothing_drifts()


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
def test_what_was_withdrawn_stays_so(three: Messages, status: Status) -> None:
    set_message(three[0], status=status)
    set_view(BOB, unread_count=2)
    assert bob_reads(three[0]).shard is None
    assert bob_reads().unread_count == 0
    assert statuses() == [status, 3, 3]


def test_a_message_deleted_for_everyone_is_still_a_place(three: Messages) -> None:
    write(delete_for_everyone, user_id=ALICE, message_id=three[1]["id"])
    assert bob_reads(three[1], all_up_to=True).unread_count == 1
    nothing_drifts()


def test_a_conversation_without_messages_is_read_without_a_trace(pair: str) -> None:
    assert bob_reads() == Read("1_2", 0, 0, None)
    assert events() == []


def test_a_read_is_told_once_with_what_was_read(three: Messages) -> None:
    done = bob_reads(three[0], origin="abc")
    bob_reads(three[1], all_up_to=True)
    assert done.shard == head().shard
    alone, up_to = map(event_of, events())
    both = {"conversation_id": "1_2", "user_id": BOB}
    assert alone == ConversationRead(**both, message_id=three[0]["id"], read_seq=0, change_seq=4, origin="abc")
    assert up_to == ConversationRead(**both, read_seq=2, change_seq=5)
    assert head().change_seq == 5


def test_a_single_read_numbers_the_message_a_receipt_up_to_one_does_not(three: Messages) -> None:
    bob_reads(three[1])
    bob_reads()
    assert [message.change_seq for message in messages()] == [1, 4, 3]


def test_the_receipt_goes_to_both(three: Messages) -> None:
    bob_reads(three[1], all_up_to=True)
    (receipt,) = drain()
    assert (receipt.kind, sorted(receipt.user_ids)) == ("read_receipt", [ALICE, BOB])
    assert receipt.content == {
        "conversation_id": "1_2",
        "user_id": BOB,
        "read_seq": 2,
        "message_id": None,
        "change_seq": 4,
    }


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({}, Code.INVALID),
        ({"conversation_id": "2_1"}, Code.NO_SUCH_CONVERSATION),
        ({"conversation_id": "1_3"}, Code.NO_SUCH_CONVERSATION),
        ({"conversation_id": "group_2"}, Code.NO_SUCH_CONVERSATION),
        ({"message_id": 99}, Code.NO_SUCH_MESSAGE),
        ({"message_id": 99, "conversation_id": "1_2"}, Code.NO_SUCH_MESSAGE),
    ],
    ids=str,
)
def test_refusals(pair: str, question: dict[str, Any], code: Code) -> None:
    assert refusal(lambda: write(read, user_id=BOB, **question)) == code


def test_ones_own_message_is_read_by_the_other(pair: str) -> None:
    own = stored(BOB, ALICE)
    assert refusal(lambda: bob_reads(own)) == Code.FORBIDDEN


def test_a_foreign_message_is_told_from_an_absent_one_by_nothing(pair: str) -> None:
    befriend(ALICE, CAROL)
    foreign = stored(ALICE, CAROL)
    assert refusal(lambda: bob_reads(foreign)) == Code.NO_SUCH_MESSAGE
    assert refusal(lambda: bob_reads(foreign, all_up_to=True)) == Code.NO_SUCH_MESSAGE


def test_a_message_of_another_of_ones_conversations_is_no_place_in_this_one(pair: str) -> None:
    befriend(BOB, CAROL)
    elsewhere = stored(CAROL, BOB)
    assert refusal(lambda: bob_reads(elsewhere, all_up_to=True)) == Code.NO_SUCH_MESSAGE
