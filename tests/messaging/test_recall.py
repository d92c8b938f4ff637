"""Tests of recalling a message."""

from datetime import timedelta
from typing import Any

import pytest

from db.outbox import Kind
from db.session import write
from messaging.errors import Code
from messaging.message_type import MessageType
from messaging.recall import recall
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

TEXT = "[消息已撤回]"


def recalls(user_id: int, message: dict[str, Any], *, after: int = 0) -> Withdrawn:
    """Recall a message that many seconds after it was sent."""
    sent = messages()[0].create_time + timedelta(seconds=after)
    return write(lambda session, _: recall(session, sent, user_id=user_id, message_id=message["id"]))


@pytest.fixture
def message(pair: str) -> dict[str, Any]:
    """Send a message from Alice to Bob, applied to both rows. Returns the Message."""
    sent = stored(ALICE, BOB, "secret")
    drain()
    return sent


@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED, Status.READ])
def test_its_sender_recalls_a_message(message: dict[str, Any], status: Status) -> None:
    set_message(message, status=status)
    set_view(BOB, unread_count=int(status < Status.READ))
    done = recalls(ALICE, message, after=1)
    (row,) = messages()
    assert (done.message.status, row.status, row.update_time) == (4, 4, row.create_time + timedelta(seconds=1))
    assert (done.shard, row.change_seq, row.content) == (head().shard, 2, "secret")
    assert view(BOB).unread_count == 0
    nothing_drifts()


@pytest.mark.parametrize(("after", "late"), [(0, False), (119, False), (120, False), (121, True)])
def test_the_window_is_120_seconds(message: dict[str, Any], after: int, late: bool) -> None:
    if late:
        assert refusal(lambda: recalls(ALICE, message, after=after)) == Code.RECALL_TOO_LATE
        assert (messages()[0].status, events()) == (1, [])
    else:
        assert recalls(ALICE, message, after=after).message.status == Status.RECALLED


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
@pytest.mark.parametrize("after", [0, 500])
def test_what_was_withdrawn_is_withdrawn_however_late(message: dict[str, Any], status: Status, after: int) -> None:
    set_message(message, status=status)
    assert refusal(lambda: recalls(ALICE, message, after=after)) == Code.ALREADY_WITHDRAWN
    assert messages()[0].status == status


@pytest.mark.parametrize(("user", "code"), [(BOB, Code.FORBIDDEN), (CAROL, Code.NO_SUCH_MESSAGE)])
def test_nobody_else_recalls_it(message: dict[str, Any], user: int, code: Code) -> None:
    assert refusal(lambda: recalls(user, message)) == code
    assert messages()[0].status == Status.SENT


def test_an_absent_message(message: dict[str, Any]) -> None:
    assert refusal(lambda: recalls(ALICE, {"id": 99})) == Code.NO_SUCH_MESSAGE


def test_a_system_message_is_not_recalled(message: dict[str, Any]) -> None:
    set_message(message, message_type=MessageType.SYSTEM)
    assert refusal(lambda: recalls(ALICE, message)) == Code.FORBIDDEN


def test_the_preview_of_both_shows_that_it_is_gone(message: dict[str, Any]) -> None:
    recalls(ALICE, message)
    assert [last_message(user) for user in (ALICE, BOB)] == [(message["id"], TEXT)] * 2


def test_an_older_message_leaves_the_preview(pair: str) -> None:
    first, _ = store_many(ALICE, BOB, 2)
    project()
    recalls(ALICE, first)
    assert [last_message(user)[1] for user in (ALICE, BOB)] == ["hello", "hello"]
    assert view(BOB).unread_count == 1


def test_a_message_recalled_before_the_drain_is_never_counted_nor_told(pair: str) -> None:
    secret = stored(ALICE, BOB, "secret")
    recalls(ALICE, secret)
    told = drain()
    assert (view(BOB).unread_count, last_message(BOB)[1]) == (0, TEXT)
    assert [(each.kind, each.content["status"], each.content["content"]) for each in told] == [
        ("new_message", 4, TEXT),
        ("message_recalled", 4, TEXT),
    ]
    nothing_drifts()


def test_it_is_told_to_both_as_it_now_stands(message: dict[str, Any]) -> None:
    recalls(ALICE, message)
    (event,) = events()
    assert (event.kind, event.user_id, event.message_id, event.change_seq) == (Kind.RECALLED, ALICE, message["id"], 2)
    (told,) = drain()
    assert (told.kind, sorted(told.user_ids), told.content["extra"]) == ("message_recalled", [ALICE, BOB], None)
    assert (told.content["content"], told.content["change_seq"]) == (TEXT, 2)
