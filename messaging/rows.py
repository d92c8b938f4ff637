"""Conversation rows, locked: each is one user's view, and whoever changes a count holds its lock."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.insert_ignore import insert_ignore
from db.write_rows import write_rows
from messaging.conversation_id import peer

_AT_ONCE = 100  # the time in which MariaDB plans a list of pairs grows with the square of its length

RowKey = tuple[str, int]  # conversation_id, user_id: the order in which rows are locked

_WRITTEN = (
    "last_message_id",
    "last_message_content",
    "last_message_time",
    "unread_count",
    "del_state",
    "delete_time",
    "update_time",
    "version",
    "last_seq",
    "change_seq",
    "read_seq",
    "delivered_seq",
)
_ALL = ("id", "conversation_id", "user_id", "friend_id", "conversation_type", "is_top", "is_mute", "create_time")


def lock(session: Session, now: datetime, keys: Collection[RowKey]) -> dict[RowKey, Conversation]:
    """Lock these rows in their order, creating the missing ones. Change them, then `write` them."""
    wanted = sorted(set(keys))
    found = _locked(session, wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        insert_ignore(session, Conversation, [_empty(key, now) for key in missing])
        found |= _locked(session, missing)
    return found


def write(session: Session, now: datetime, rows: Sequence[Conversation]) -> None:
    """Store what was changed in locked rows: one statement."""
    for row in rows:
        row.update_time = now
        row.version += 1
    write_rows(
        session, Conversation, [{name: getattr(row, name) for name in (*_ALL, *_WRITTEN)} for row in rows], _WRITTEN
    )
    for row in rows:
        session.expunge(row)  # written above, all at once; a flush would write each again


def _locked(session: Session, keys: list[RowKey]) -> dict[RowKey, Conversation]:
    """In the order of the keys, a part at a time."""
    found: dict[RowKey, Conversation] = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = [(user, name) for name, user in keys[start : start + _AT_ONCE]]
        statement = (
            select(Conversation)
            .where(tuple_(Conversation.user_id, Conversation.conversation_id).in_(part))
            .order_by(Conversation.conversation_id, Conversation.user_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        found |= {(row.conversation_id, row.user_id): row for row in session.scalars(statement)}
    return found


def _empty(key: RowKey, now: datetime) -> dict[str, Any]:
    conversation_id, user_id = key
    return {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "friend_id": peer(conversation_id, user_id) or 0,
        "conversation_type": 1,
        "create_time": now,
        "update_time": now,
    }
