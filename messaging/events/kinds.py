"""Turning events into rows of the outbox, and rows into events."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row

from infra import trace
from messaging.events.event import Event
from messaging.events.of_groups import GroupChanged, GroupRead
from messaging.events.of_messages import MessageDeleted, MessageHidden, MessageRecalled, MessageSent, MessageUpdated
from messaging.events.of_views import ConversationRead, ViewChanged

_CLASSES: dict[int, type[Event]] = {
    each.KIND: each
    for each in (
        MessageSent,
        MessageUpdated,
        ConversationRead,
        MessageRecalled,
        MessageDeleted,
        MessageHidden,
        ViewChanged,
        GroupChanged,
        GroupRead,
    )
}


def row_of(event: Event, *, shard: int, now: datetime) -> dict[str, Any]:
    """Returns an event as a new row of the outbox, caused by the request of this thread or greenlet, if there is one.

    `shard` is the one in the head of its conversation.
    """
    detail = {name: getattr(event, name) for name in event.DETAIL}
    return {
        "shard": shard,
        "conversation_id": event.conversation_id,
        "kind": event.KIND,
        "message_id": event.message_id,
        "user_id": event.user_id,
        "change_seq": event.change_seq,
        "detail": orjson.dumps(detail).decode() if detail else None,
        "trace": trace.current(),
        "applied": False,
        "create_time": now,
    }


def event_of(row: Row[Any]) -> Event:
    """Returns the event that a row of the outbox holds. Raises LookupError for a kind that this release does not know.

    A row without `detail` may be from the release before, which had a column for each field of a kind.
    """
    found = _CLASSES.get(row.kind)
    if found is None:
        raise LookupError(f"kind {row.kind} is unknown")
    detail = orjson.loads(row.detail) if row.detail else {name: getattr(row, name) for name in found.DETAIL}
    return found(
        conversation_id=row.conversation_id,
        change_seq=row.change_seq,
        message_id=row.message_id,
        user_id=row.user_id,
        **{name: tuple(value) if isinstance(value, list) else value for name, value in detail.items()},
    )
