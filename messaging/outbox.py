"""Outbox events: written in the transaction that they tell of, taken by the workers (see workers/outbox.py)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.insert_ignore import insert_ignore
from db.outbox import Kind, OutboxEvent
from db.outbox_shard import OutboxShard
from messaging.events import Event
from messaging.events.kinds import row_of

# Built once: putting a statement together costs as much as running it.
_EVENTS = table(OutboxEvent)
_SHARDS = table(OutboxShard)
_TOLD = (
    *("id", "conversation_id", "kind", "message_id", "user_id", "change_seq", "detail", "attempts"),
    *("read_seq", "origin"),  # of the release before
)
_INSERT = insert(_EVENTS)
_KNOWN = select(_SHARDS.c.shard).where(_SHARDS.c.shard.in_(bindparam("shards", expanding=True)))
_FREE = _KNOWN.order_by(_SHARDS.c.shard).with_for_update(skip_locked=True)
# The order of the index. `=`, not IS: only so does MariaDB find them, in order, by it.
_PENDING = (
    select(*(_EVENTS.c[name] for name in _TOLD))
    .where(_EVENTS.c.shard.in_(bindparam("shards", expanding=True)), _EVENTS.c.applied == bindparam("applied"))
    .order_by(_EVENTS.c.shard, _EVENTS.c.applied, _EVENTS.c.id)
    .limit(bindparam("limit"))
)
# Locked: whoever withdraws a message waits at its event until its text is out. Nobody else ever waits for one.
_TO_PUBLISH = _PENDING.with_for_update()
_UNDER_WAY = (
    select(_EVENTS.c.id)
    .where(
        _EVENTS.c.shard == bindparam("shard"),
        _EVENTS.c.applied == bindparam("applied"),
        _EVENTS.c.message_id == bindparam("message_id"),
        _EVENTS.c.kind == Kind.SENT,
    )
    .with_for_update()
)
_MARK = update(_EVENTS).where(_EVENTS.c.id.in_(bindparam("ids", expanding=True))).values(applied=True)
_REMOVE = delete(_EVENTS).where(_EVENTS.c.id.in_(bindparam("ids", expanding=True)))

Pending = Row[Any]


def append(session: Session, now: datetime, events: Sequence[tuple[int, Event]]) -> None:
    """Add events, each with the shard of its conversation's head, in one statement.

    The caller holds the head's lock of every conversation in them.
    """
    session.execute(_INSERT, [row_of(event, shard=shard, now=now) for shard, event in events])


def lock_free(session: Session, shards: Sequence[int]) -> list[int]:
    """Keep every other drain of these shards out until COMMIT. Returns the shards that it could lock."""
    wanted = {"shards": list(shards)}
    free = list(session.scalars(_FREE, wanted))
    if len(free) < len(shards):
        new = sorted(set(shards) - set(session.scalars(_KNOWN, wanted)))
        if new:
            insert_ignore(session, OutboxShard, [{"shard": shard} for shard in new])
            free += session.scalars(_FREE, {"shards": new})
    return free


def pending(session: Session, *, shards: Sequence[int], applied: bool, limit: int) -> Sequence[Pending]:
    """Returns the oldest events of each shard: those still to apply to rows, or, locked, those still to publish."""
    statement = _TO_PUBLISH if applied else _PENDING
    return session.execute(statement, {"shards": shards, "applied": applied, "limit": limit}).all() if shards else []


def hold_back(session: Session, *, shard: int, message_id: int) -> None:
    """Wait until no drain is publishing this message, and let none publish it until COMMIT.

    The caller holds the lock of a row that the message is counted in: an event not applied yet stays so meanwhile.
    """
    session.execute(_UNDER_WAY, {"shard": shard, "applied": True, "message_id": message_id})


def mark_applied(session: Session, ids: Sequence[int]) -> None:
    session.execute(_MARK, {"ids": ids})


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete exactly the events that were read: a smaller id may have been committed since."""
    session.execute(_REMOVE, {"ids": ids})


def stray_shards(session: Session, now: datetime, *, older_than: timedelta) -> list[int]:
    """Returns the shards whose oldest event is older than that: their poke was lost, or Redis was away.

    An event from as far in the future counts as well: the database's clock was set back since.
    """
    oldest = select(func.min(OutboxEvent.id).label("id")).group_by(OutboxEvent.shard, OutboxEvent.applied).subquery()
    off = or_(OutboxEvent.create_time < now - older_than, OutboxEvent.create_time > now + older_than)
    statement = select(OutboxEvent.shard).join(oldest, oldest.c.id == OutboxEvent.id).where(off).distinct()
    return list(session.scalars(statement))
