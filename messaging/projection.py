"""Applying outbox events to the conversation rows of the members whom they concern, in pairs: in groups no row counts.

A row covers only the messages up to its `last_seq`. A message at or below it is not counted again, so that an event
may be applied as often as it is met; messages above it are counted as they now stand, so that a recalled one is never
counted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from db.flight import fly
from messaging import rows
from messaging.conversation_id import group_of
from messaging.events import Event, MessageSent, event_of
from messaging.members import Members, members
from messaging.outbox import Pending
from messaging.parked import Failure, failure
from messaging.status import Status
from messaging.subjects import Subjects, reading, subjects
from messaging.unread import counts_for

_Concerned = list[tuple[Event, int]]  # each event with each user whom it concerns


@dataclass(frozen=True, slots=True)
class Projected:
    """Events that were applied, the members of their pairs, and their messages as they stood under the locks.

    `failures` are the events that cannot be applied, because their kind or their conversation is unknown.
    """

    events: list[Pending]
    members: Members
    about: Subjects
    failures: list[Failure]


def apply(session: Session, now: datetime, pending: Sequence[Pending]) -> Projected:
    """Apply these events to the rows of the members whom they concern. Returns what is needed to announce them.

    Those of groups change no row.
    """
    here = members(session, {event.conversation_id for event in pending})
    applied, concerned, failures = _concerned(pending, here)
    keys = {(event.conversation_id, user) for event, user in concerned}
    locked, about = _locked(session, now, keys, {event.message_id for event in applied if event.message_id})
    for event, user in concerned:
        row = locked[event.conversation_id, user]
        row.change_seq = max(row.change_seq, event.change_seq)
    sent = {event.message_id for event, _ in concerned if isinstance(event, MessageSent)} & about.messages.keys()
    for message in sorted((about.messages[id_] for id_ in sent), key=lambda each: (each.conversation_id, each.seq)):
        for user in here[message.conversation_id]:
            _count(locked[message.conversation_id, user], message, hidden=(user, message.id) in about.hidden)
    rows.write(session, now, [locked[key] for key in sorted(locked)])
    return Projected(applied, here, about, failures)


def _concerned(pending: Sequence[Pending], here: Members) -> tuple[list[Pending], _Concerned, list[Failure]]:
    """Returns the events that can be read, each of a pair with each user whom it concerns, and the others' failures."""
    readable: list[Pending] = []
    concerned: _Concerned = []
    failures: list[Failure] = []
    for each in pending:
        try:
            event = event_of(each)
            if group_of(event.conversation_id) is None:
                concerned += [(event, user) for user in event.concerns(here[event.conversation_id])]
            readable.append(each)
        except LookupError as error:
            failures.append(failure(each, error))
    return readable, concerned, failures


def _locked(
    session: Session, now: datetime, keys: set[rows.RowKey], message_ids: Collection[int]
) -> tuple[dict[rows.RowKey, rows.View], Subjects]:
    """Lock the rows, and then read the messages: recall, read and delete change messages under these locks."""
    locking, messages = rows.locking(keys), reading(message_ids)
    found = fly(session, *locking, *messages)
    locked = rows.views(found[: len(locking)])
    missing = keys - locked.keys()
    if not missing:
        return locked, subjects(found[len(locking) :])
    locked |= rows.create(session, now, missing)
    return locked, subjects(fly(session, *messages))


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
