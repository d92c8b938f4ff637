"""Tests of events and their outbox rows, as this release and the one before write them."""

from datetime import datetime
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from db.outbox import Kind, OutboxEvent
from db.session import engine
from messaging.events import (
    ConversationRead,
    Event,
    GroupChanged,
    GroupRead,
    MessageHidden,
    MessageSent,
    ViewChanged,
    event_of,
)
from messaging.events.kinds import row_of
from tests import databases

NOW = datetime.fromisoformat("2026-11-24T12:00:00")
IN_COLUMNS = {"read_seq": 0, "origin": None}  # what the release before wrote into these columns
_NEW = {Kind.GROUP_CHANGED: {"detail": "{}"}, Kind.GROUP_READ: {"detail": '{"read_seq": 7}'}}  # it had none of these


def restored(row: dict[str, Any]) -> Event:
    return event_of(OutboxEvent(**IN_COLUMNS | row))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "event",
    [
        MessageSent(conversation_id="1_2", change_seq=3, message_id=9),
        MessageHidden(conversation_id="1_2", change_seq=4, message_id=9, user_id=2),
        ConversationRead(conversation_id="1_2", change_seq=5, user_id=2, read_seq=7, origin="abc"),
        ConversationRead(conversation_id="1_2", change_seq=5, user_id=2, message_id=9, read_seq=0),
        ViewChanged(conversation_id="1_2", change_seq=6, user_id=1),
        GroupChanged(conversation_id="group_1", change_seq=7, message_id=9, user_id=1, came=(2, 3), went=(4,)),
        GroupRead(conversation_id="group_1", change_seq=0, user_id=2, read_seq=7, origin="abc", authors=(1, 3)),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_comes_back_from_its_row(event: Event) -> None:
    assert restored(row_of(event, shard=3, now=NOW)) == event


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_class(kind: Kind) -> None:
    assert restored(old_row(kind, **_NEW.get(kind, {}))).KIND is kind


def test_a_kind_of_a_later_release_is_no_event_of_this_one() -> None:
    row = row_of(MessageSent(conversation_id="1_2", change_seq=3, message_id=9), shard=3, now=NOW)
    with pytest.raises(LookupError, match="kind 99"):
        restored(row | {"kind": 99})


def old_row(kind: Kind, **columns: Any) -> dict[str, Any]:
    """Returns an outbox row as the release before this one inserts it."""
    return {
        "shard": 1,
        "conversation_id": "1_2",
        "kind": kind,
        "message_id": 0,
        "user_id": 2,
        "change_seq": 5,
        "applied": False,
        "create_time": NOW,
    } | columns


def test_a_receipt_that_the_release_before_inserts_is_told_in_full() -> None:
    old = old_row(Kind.READ, read_seq=7, origin="abc")
    assert restored(old) == ConversationRead(conversation_id="1_2", change_seq=5, user_id=2, read_seq=7, origin="abc")


def test_what_waits_is_converted_by_the_migration_and_back(any_database: str) -> None:
    old = old_row(Kind.READ, read_seq=7, origin="abc", attempts=0)
    command.downgrade(databases.alembic(), "0006")
    with engine().begin() as connection:
        names = ", ".join(old)
        connection.execute(text(f"INSERT INTO im_outbox ({names}) VALUES (:{', :'.join(old)})"), old)
    command.upgrade(databases.alembic(), "0007")
    with engine().begin() as connection:
        (row,) = connection.execute(text("SELECT * FROM im_outbox"))
        assert row.detail
        connection.execute(text("UPDATE im_outbox SET read_seq = 0, origin = NULL"))
    assert event_of(row) == ConversationRead(conversation_id="1_2", change_seq=5, user_id=2, read_seq=7, origin="abc")
    command.downgrade(databases.alembic(), "0006")
    with engine().begin() as connection:
        (row,) = connection.execute(text("SELECT read_seq, origin FROM im_outbox"))
    assert tuple(row) == (7, "abc")
    command.upgrade(databases.alembic(), "head")
