"""What an outbox event tells, and whom: read from the tables as they stand when it is published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from db.outbox import Kind
from messaging import outbox, projection
from messaging.hidden import hidden_from
from messaging.members import members
from messaging.message import COLUMNS, wire
from messaging.parked import Failure, failure, set_back

# Built once: putting it together costs as much as running it.
_BY_ID = select(*COLUMNS).where(table(Message).c.id.in_(bindparam("ids", expanding=True)))

Tell = Callable[[outbox.Pending, tuple[int, ...], Any, set[tuple[int, int]]], "list[Announcement]"]


@dataclass(frozen=True, slots=True)
class Announcement:
    """A frame for every connection of these users, but for the connection `origin`, which knows.

    `message` is set when the frame carries a message in its turn, so that a relay can prove its delivery.
    """

    user_ids: tuple[int, ...]
    kind: str
    content: dict[str, Any]
    message: bool = False
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of a drain worked off. `held` are the shards that no other worker was at.

    `count` are the events that it took, `failures` those of them that could not be told.
    """

    held: frozenset[int]
    count: int
    failures: tuple[Failure, ...] = ()


def apply_batch(session: Session, now: datetime, *, shards: Sequence[int], limit: int) -> Batch:
    """Bring conversation rows up to the oldest events of these shards."""
    held = outbox.lock_free(session, shards)
    events = outbox.pending(session, shards=held, applied=False, limit=limit)
    if events:
        projection.apply(session, now, events)
        outbox.mark_applied(session, [event.id for event in events])
    return Batch(frozenset(held), len(events))


def publish_batch(
    session: Session,
    now: datetime,
    *,
    shards: Sequence[int],
    limit: int,
    announce: Callable[[Sequence[Announcement]], None],
) -> Batch:
    """Hand the oldest applied events of these shards to `announce`, each conversation's in their order, and delete
    them once it returns. Until then nobody can withdraw a message that they tell of.

    When `announce` raises, or the process dies, they stay and are announced again. One that cannot be told is set
    back, and the others go on.
    """
    held = outbox.lock_free(session, shards)
    events = outbox.pending(session, shards=held, applied=True, limit=limit)
    if not events:
        return Batch(frozenset(held), 0)
    told, failures = _announcements(session, events)
    announce(told)
    failed = {each.event_id for each in failures}
    outbox.remove(session, [event.id for event in events if event.id not in failed])
    if failures:
        set_back(session, now, failures)
    return Batch(frozenset(held), len(events), tuple(failures))


def _announcements(session: Session, events: Sequence[outbox.Pending]) -> tuple[list[Announcement], list[Failure]]:
    """Returns what these events say now, in their order (a text recalled since is not in it), and those that fail."""
    ids = {event.message_id for event in events if event.message_id}
    rows = session.execute(_BY_ID, {"ids": list(ids)}).all() if ids else []
    here = members(session, {event.conversation_id for event in events})
    hidden = hidden_from(session, rows, here)
    by_id = {row.id: row for row in rows}
    told: list[Announcement] = []
    failures: list[Failure] = []
    for event in events:
        try:
            users = projection.concerns(event, here)
            told += _TELL[Kind(event.kind)](event, users, by_id.get(event.message_id), hidden)
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes back each time, and the others must go on
            failures.append(failure(event, error))
    return told, failures


def _message(kind: str, *, in_turn: bool = False) -> Tell:
    def tell(
        event: outbox.Pending, users: tuple[int, ...], row: Any, hidden: set[tuple[int, int]]
    ) -> list[Announcement]:
        if row is None:
            raise LookupError(f"message {event.message_id} is gone")
        blind = tuple(user for user in users if (user, row.id) in hidden)
        seeing = tuple(user for user in users if user not in blind)
        views = ((seeing, wire(row)), (blind, wire(row, hidden=True)))
        return [Announcement(some, kind, content, message=in_turn) for some, content in views if some]

    return tell


def _receipt(
    event: outbox.Pending, users: tuple[int, ...], _row: Any, _hidden: set[tuple[int, int]]
) -> list[Announcement]:
    content = {
        "conversation_id": event.conversation_id,
        "user_id": event.user_id,
        "read_seq": event.read_seq,
        "message_id": event.message_id or None,
        "change_seq": event.change_seq,
    }
    return [Announcement(users, "read_receipt", content, origin=event.origin)]


def _changed(
    event: outbox.Pending, users: tuple[int, ...], _row: Any, _hidden: set[tuple[int, int]]
) -> list[Announcement]:
    return [Announcement(users, "resync", {"conversation_id": event.conversation_id})]


_TELL: dict[Kind, Tell] = {
    Kind.SENT: _message("new_message", in_turn=True),
    Kind.RECALLED: _message("message_recalled"),
    Kind.DELETED: _message("message_deleted"),
    Kind.HIDDEN: _message("message_deleted"),
    Kind.READ: _receipt,
    Kind.CHANGED: _changed,
}
