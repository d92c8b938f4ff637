"""Tests that every change takes the next change_seq of its conversation and puts an event into the outbox."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.session import write
from messaging import changes, heads
from messaging.events import ConversationRead, Event, ViewChanged, event_of
from messaging.read import read
from messaging.recall import recall
from tests.messaging.conftest import ALICE, BOB, befriend, events, head, store_many, stored


def record(conversation_id: str, event: type[Event], **fields: object) -> int:
    """Record a change in a transaction of its own. Returns its change_seq."""

    def rule(session: Session, now: datetime) -> int:
        locked = heads.lock(session, [conversation_id])[conversation_id]
        return changes.record(session, now, locked, event, user_id=BOB, **fields)

    return write(rule)


def test_changes_are_numbered_after_the_messages(pair: str) -> None:
    store_many(ALICE, BOB, 3)
    assert [record("1_2", ViewChanged), record("1_2", ConversationRead, read_seq=1)] == [4, 5]
    assert (head().last_seq, head().change_seq) == (3, 5)


def test_the_next_message_takes_the_next_number(pair: str) -> None:
    stored(ALICE, BOB)
    record("1_2", ViewChanged)
    message = stored(BOB, ALICE)
    assert (message["seq"], message["change_seq"]) == (2, 3)


def test_conversations_are_numbered_apart(pair: str) -> None:
    befriend(ALICE, 3)
    stored(ALICE, BOB)
    stored(ALICE, 3)
    assert [record("1_2", ConversationRead, read_seq=1), record("1_3", ConversationRead, read_seq=1)] == [2, 2]


def test_an_event_says_what_was_recorded(pair: str) -> None:
    message = stored(ALICE, BOB)
    record("1_2", ConversationRead, message_id=message["id"], read_seq=7, origin="abc")
    row: Any = events()[-1]
    assert event_of(row) == ConversationRead(
        conversation_id="1_2", change_seq=2, message_id=message["id"], user_id=BOB, read_seq=7, origin="abc"
    )
    assert (row.shard, row.applied) == (head().shard, False)


def test_what_is_refused_takes_no_number(pair: str) -> None:
    message = stored(ALICE, BOB)
    write(recall, user_id=ALICE, message_id=message["id"])
    write(read, user_id=BOB, message_id=message["id"])
    assert head().change_seq == 2
    assert [event.change_seq for event in events()] == [1, 2]
