"""Applying outbox events to the conversation rows of those whom they concern.

A row speaks only of messages up to its `last_seq`. An event at or below it changes nothing, so that an event may be
applied twice; messages above it are counted as they now stand, so that one recalled meanwhile is never counted.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.hidden import Hidden
from db.message import Message
from db.outbox import Kind
from messaging import rows
from messaging.conversation_id import participants
from messaging.message import SYSTEM, shown
from messaging.outbox import Pending
from messaging.status import UNREAD, Status

# Built once: putting a statement together costs as much as running it.
_COUNTED = ("id", "conversation_id", "seq", "from_user_id", "message_type", "status", "content", "create_time")
_MESSAGES = table(Message).c
_SENT = select(*(_MESSAGES[name] for name in _COUNTED)).where(_MESSAGES.id.in_(bindparam("ids", expanding=True)))
_HIDDEN = select(table(Hidden)).where(
    tuple_(table(Hidden).c.user_id, table(Hidden).c.message_id).in_(bindparam("pairs", expanding=True))
)

Projected = Row[Any]


def apply(session: Session, now: datetime, events: Sequence[Pending]) -> None:
    """Bring the rows of those whom these events concern up to them."""
    concerned = [(event, user) for event in events for user in concerns(event)]
    locked = rows.lock(session, now, {(event.conversation_id, user) for event, user in concerned})
    for event, user in concerned:
        row = locked[event.conversation_id, user]
        row.change_seq = max(row.change_seq, event.change_seq)
    # Read only now: recall, read and delete change messages under the rows' locks.
    ids = [event.message_id for event in events if event.kind == Kind.SENT]
    sent = session.execute(_SENT, {"ids": ids}).all() if ids else []
    hidden = hidden_from_audience(session, sent)
    for message in sorted(sent, key=lambda message: (message.conversation_id, message.seq)):
        for user in audience(message.conversation_id):
            _count(locked[message.conversation_id, user], message, hidden=(user, message.id) in hidden)
    rows.write(session, now, [locked[key] for key in sorted(locked)])


def audience(conversation_id: str) -> tuple[int, ...]:
    """The users who have a view of a conversation."""
    return participants(conversation_id) or ()


def concerns(event: Pending) -> tuple[int, ...]:
    """The users whose view an event changes."""
    if event.kind in (Kind.HIDDEN, Kind.CHANGED):
        return (event.user_id,)
    return audience(event.conversation_id)


def hidden_from_audience(session: Session, messages: Sequence[Projected]) -> set[tuple[int, int]]:
    """(user, message id) for each of these messages that one of its audience deleted for himself."""
    pairs = [(user, message.id) for message in messages for user in audience(message.conversation_id)]
    if not pairs:
        return set()
    return {(row.user_id, row.message_id) for row in session.execute(_HIDDEN, {"pairs": pairs})}


def counts_for(row: rows.View, message: Projected, *, hidden: bool) -> bool:
    """Whether a message is unread for the row's user: the contract's definition."""
    return (
        row.read_seq < message.seq
        and message.from_user_id != row.user_id
        and message.message_type != SYSTEM
        and message.status in UNREAD
        and not hidden
    )


def _count(row: rows.View, message: Projected, *, hidden: bool) -> None:
    if message.seq <= row.last_seq:
        return
    row.unread_count += counts_for(row, message, hidden=hidden)
    if row.user_id == message.from_user_id and row.delivered_seq == message.seq - 1:
        row.delivered_seq = message.seq  # what one sent oneself waits for no device
    row.last_seq = message.seq
    row.del_state, row.delete_time = 0, None
    if message.status != Status.DELETED and not hidden:
        row.last_message_id = message.id
        row.last_message_content = shown(message)
        row.last_message_time = message.create_time
