"""Tests of deleting a message, for everyone or for oneself."""

from collections.abc import Callable
from typing import Any

import pytest

from db.outbox import Kind
from db.session import read, write
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code
from messaging.history import history
from messaging.message_type import MessageType
from messaging.status import Status
from messaging.withdrawn import Withdrawn
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    drain,
    events,
    head,
    last_message,
    messages,
    nothing_drifts,
    project,
    refusal,
    set_message,
    set_view,
    store_many,
    stored,
    view,
)

Messages = list[dict[str, Any]]
Delete = Callable[[int, dict[str, Any]], Withdrawn]


def for_everyone(user_id: int, message: dict[str, Any]) -> Withdrawn:
    return write(delete_for_everyone, user_id=user_id, message_id=message["id"])


def for_oneself(user_id: int, message: dict[str, Any]) -> Withdrawn:
    return write(delete_for_oneself, user_id=user_id, message_id=message["id"])


def seen_by(user_id: int) -> list[int]:
    """Returns the seqs in a user's history."""
    found = read(history, user_id=user_id, conversation_id="1_2")
    return [message["seq"] for message in found.messages]


@pytest.fixture
def three(pair: str) -> Messages:
    """Send three messages from Alice, which Bob has not read. Returns the Messages; the outbox is empty."""
    sent = [stored(ALICE, BOB, content) for content in ("one", "two", "three")]
    drain()
    return sent


@pytest.mark.parametrize("user", [ALICE, BOB])
@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED, Status.READ, Status.RECALLED])
def test_either_party_deletes_for_everyone_at_any_time(three: Messages, user: int, status: Status) -> None:
    set_message(three[2], status=status, create_time=view(BOB).create_time.replace(year=2020))
    set_view(BOB, unread_count=2 + (status < Status.READ))
    done = for_everyone(user, three[2])
    last = messages()[-1]
    assert (done.message.status, last.status, last.del_state, last.change_seq) == (5, 5, 1, 4)
    assert last.delete_time is not None
    assert (seen_by(ALICE), seen_by(BOB)) == ([1, 2], [1, 2])
    assert view(BOB).unread_count == 2
    nothing_drifts()


def test_a_deleted_message_is_deleted_once(three: Messages) -> None:
    for_everyone(ALICE, three[0])
    change_seq = head().change_seq
    assert refusal(lambda: for_everyone(BOB, three[0])) == Code.ALREADY_WITHDRAWN
    assert head().change_seq == change_seq


@pytest.mark.parametrize("delete", [for_everyone, for_oneself])
def test_strangers_and_absent_messages_are_answered_alike(three: Messages, delete: Delete) -> None:
    assert refusal(lambda: delete(CAROL, three[0])) == Code.NO_SUCH_MESSAGE
    assert refusal(lambda: delete(ALICE, {"id": 99})) == Code.NO_SUCH_MESSAGE


def test_both_previews_fall_back_to_the_message_before(three: Messages) -> None:
    for_everyone(BOB, three[2])
    assert (last_message(ALICE), last_message(BOB)) == ((three[1]["id"], "two"), (three[1]["id"], "two"))


def test_hiding_moves_ones_own_preview_alone(three: Messages) -> None:
    for_oneself(BOB, three[2])
    assert (last_message(ALICE), last_message(BOB)) == ((three[2]["id"], "three"), (three[1]["id"], "two"))


def test_a_preview_passes_over_what_was_hidden_before(three: Messages) -> None:
    for_oneself(BOB, three[1])
    for_everyone(ALICE, three[2])
    assert (last_message(ALICE)[1], last_message(BOB)[1]) == ("two", "one")
    nothing_drifts()


@pytest.mark.parametrize("delete", [for_everyone, for_oneself])
def test_without_messages_there_is_no_preview(three: Messages, delete: Delete) -> None:
    for message in three:
        delete(BOB, message)
    assert (last_message(BOB), view(BOB).unread_count, view(BOB).last_seq) == ((None, None), 0, 3)
    nothing_drifts()


def test_a_new_message_is_the_preview_again(three: Messages) -> None:
    for message in three:
        for_everyone(BOB, message)
    newest = stored(ALICE, BOB, "four")
    project()
    assert last_message(BOB) == (newest["id"], "four")


def test_hiding_is_for_oneself_alone(three: Messages) -> None:
    for_oneself(BOB, three[0])
    assert (seen_by(ALICE), seen_by(BOB)) == ([1, 2, 3], [2, 3])
    assert messages()[0].status == Status.SENT
    assert view(BOB).unread_count == 2
    nothing_drifts()


def test_hiding_again_changes_nothing(three: Messages) -> None:
    first = for_oneself(BOB, three[0])
    again = for_oneself(BOB, three[0])
    assert (first.shard, again.shard) == (head().shard, None)
    assert (view(BOB).unread_count, head().change_seq, len(events())) == (2, 4, 1)


def test_each_hides_for_himself(three: Messages) -> None:
    for_oneself(ALICE, three[0])
    assert view(BOB).unread_count == 3
    for_oneself(BOB, three[0])
    assert view(BOB).unread_count == 2


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
def test_what_was_withdrawn_may_be_hidden(three: Messages, status: Status) -> None:
    set_message(three[0], status=status)
    set_view(BOB, unread_count=2)
    for_oneself(BOB, three[0])
    assert (view(BOB).unread_count, messages()[0].status) == (2, status)
    nothing_drifts()


def test_a_hidden_message_deleted_for_everyone_is_taken_off_once(three: Messages) -> None:
    for_oneself(BOB, three[0])
    for_everyone(ALICE, three[0])
    assert view(BOB).unread_count == 2
    nothing_drifts()


@pytest.mark.parametrize("delete", [for_everyone, for_oneself])
def test_a_read_message_was_taken_off_already(three: Messages, delete: Delete) -> None:
    set_message(three[0], status=Status.READ)
    set_view(BOB, unread_count=2, read_seq=1, delivered_seq=1)
    delete(BOB, three[0])
    assert view(BOB).unread_count == 2
    nothing_drifts()


@pytest.mark.parametrize("delete", [for_everyone, for_oneself])
def test_system_messages_were_never_counted(three: Messages, delete: Delete) -> None:
    set_message(three[0], message_type=MessageType.SYSTEM)
    set_view(BOB, unread_count=2)
    delete(BOB, three[0])
    assert view(BOB).unread_count == 2
    nothing_drifts()


@pytest.mark.parametrize("delete", [for_everyone, for_oneself])
def test_what_is_deleted_before_the_drain_is_never_counted_nor_shown(pair: str, delete: Delete) -> None:
    first, second = store_many(ALICE, BOB, 2)
    delete(BOB, second)
    assert view(BOB).unread_count == 0
    project()
    assert (view(BOB).unread_count, view(BOB).last_message_id, view(BOB).last_seq) == (1, first["id"], 2)
    nothing_drifts()


def test_everyone_is_told_of_a_tombstone(three: Messages) -> None:
    for_everyone(BOB, three[0])
    (event,) = events()
    assert (event.kind, event.user_id, event.message_id) == (Kind.DELETED, BOB, three[0]["id"])
    (told,) = drain()
    assert (told.kind, sorted(told.user_ids)) == ("message_deleted", [ALICE, BOB])
    assert (told.content["status"], told.content["content"], told.content["seq"]) == (5, "", 1)


def test_hiding_is_told_to_ones_own_devices(three: Messages) -> None:
    for_oneself(BOB, three[0])
    (event,) = events()
    assert (event.kind, event.user_id) == (Kind.HIDDEN, BOB)
    (told,) = drain()
    assert (told.kind, told.user_ids, told.content["status"]) == ("message_deleted", (BOB,), 5)
    assert (view(ALICE).change_seq, view(BOB).change_seq) == (3, 4)
