"""Applying outbox events to the conversation rows of the members whom they concern.

A row covers only the messages up to its `last_seq`. A message at or below it is not counted again, so that an event
may be applied twice; messages above it are counted as they now stand, so that a recalled one is never counted.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from messaging import rows
from messaging.events import Event, MessageSent, event_of
from messaging.hidden import hidden_from
from messaging.members import Members, members
from messaging.outbox import Pending
from messaging.parked import Failure, failure
from messaging.status import Status
from messaging.unread import counts_for

# Built once: putting a statement together costs as much as running it.
_COUNTED = ("id", "conversation_id", "seq", "from_user_id", "message_type", "status")
_MESSAGES = table(Message).c
_SENT = select(*(_MESSAGES[name] for name in _COUNTED)).where(_MESSAGES.id.in_(bindparam("ids", expanding=True)))


def apply(session: Session, now: datetime, pending: Sequence[Pending]) -> list[Failure]:
    """Apply these events to the rows of the members whom they concern.

    Returns those of them that cannot be applied, because their kind or their conversation is unknown.
    """
    here = members(session, {event.conversation_id for event in pending})
    concerned, failures = _concerned(pending, here)
    locked = rows.lock(session, now, {(event.conversation_id, user) for event, user in concerned})
    for event, user in concerned:
        row = locked[event.conversation_id, user]
        row.change_seq = max(row.change_seq, event.change_seq)
    # Read after locking the rows: recall, read and delete change messages under these locks.
    ids = {event.message_id for event, _ in concerned if isinstance(event, MessageSent)}
    sent = session.execute(_SENT, {"ids": list(ids)}).all() if ids else []
    hidden = hidden_from(session, sent, here)
    for message in sorted(sent, key=lambda message: (message.conversation_id, message.seq)):
        for user in here[message.conversation_id]:
            _count(locked[message.conversation_id, user], message, hidden=(user, message.id) in hidden)
    rows.write(session, now, [locked[key] for key in sorted(locked)])
    return failures


def _concerned(pending: Sequence[Pending], here: Members) -> tuple[list[tuple[Event, int]], list[Failure]]:
    """Returns each event with each user whom it concerns, and the failures of those that cannot be read."""
    concerned: list[tuple[Event, int]] = []
    failures: list[Failure] = []
    for each in pending:
        try:
            event = event_of(each)
            concerned += [(event, user) for user in event.concerns(here[event.conversation_id])]
        except LookupError as error:
            failures.append(failure(each, error))
    return concerned, failures


def _count(row: rows.View, message: Row[Any], *, hidden: bool) -> None:
    if message.seq <= row.last_seq:
        return
    row.unread_count += counts_for(row, message, hidden=hidden)
    if row.user_id == message.from_user_id and row.delivered_seq == message.seq - 1:
        row.delivered_seq = message.seq  # the user's own message waits for no device
    row.last_seq = message.seq
    row.del_state, row.delete_time = 0, None
    if message.status != Status.DELETED and not hidden:
        row.last_message_id = message.id
