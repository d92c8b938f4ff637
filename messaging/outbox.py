"""Outbox events: written in the transaction that they describe, and worked off by workers (workers/outbox.py)."""

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
    *("read_seq", "origin"),  # events of the release before have them instead of `detail`
)
_INSERT = insert(_EVENTS)
_KNOWN = select(_SHARDS.c.shard).where(_SHARDS.c.shard.in_(bindparam("shards", expanding=True)))
_FREE = _KNOWN.order_by(_SHARDS.c.shard).with_for_update(skip_locked=True)
# In the order of the index, and `=`, not IS: otherwise MariaDB would not find the events, in order, by the index.
_PENDING = (
    select(*(_EVENTS.c[name] for name in _TOLD))
    .where(_EVENTS.c.shard.in_(bindparam("shards", expanding=True)), _EVENTS.c.applied == bindparam("applied"))
    .order_by(_EVENTS.c.shard, _EVENTS.c.applied, _EVENTS.c.id)
    .limit(bindparam("limit"))
)
# Locked: a transaction that withdraws a message waits for its event until the text is out. No other waits for events.
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

    The caller holds the locks of these conversations' heads.
    """
    session.execute(_INSERT, [row_of(event, shard=shard, now=now) for shard, event in events])


def lock_free(session: Session, shards: Sequence[int]) -> list[int]:
    """Lock those of these shards that no other drain holds, until COMMIT. Returns the shards that it could lock."""
    wanted = {"shards": list(shards)}
    free = list(session.scalars(_FREE, wanted))
    if len(free) < len(shards):
        new = sorted(set(shards) - set(session.scalars(_KNOWN, wanted)))
        if new:
            insert_ignore(session, OutboxShard, [{"shard": shard} for shard in new])
            free += session.scalars(_FREE, {"shards": new})
    return free


def pending(session: Session, *, shards: Sequence[int], applied: bool, limit: int) -> Sequence[Pending]:
    """Returns up to `limit` events of these shards, ordered by shard, then id.

    With `applied` they are those still to publish, and are locked; without, those still to apply to rows.
    """
    statement = _TO_PUBLISH if applied else _PENDING
    return session.execute(statement, {"shards": shards, "applied": applied, "limit": limit}).all() if shards else []


def hold_back(session: Session, *, shard: int, message_id: int) -> None:
    """Wait until no drain is publishing this message, and let none publish it until COMMIT.

    The caller locks a member's row first: an event that is not applied yet cannot be applied while that is held.
    """
    session.execute(_UNDER_WAY, {"shard": shard, "applied": True, "message_id": message_id})


def mark_applied(session: Session, ids: Sequence[int]) -> None:
    """Mark these events as applied to the rows: they remain to be published."""
    session.execute(_MARK, {"ids": ids})


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete the events with these ids, and no range: an event with a smaller id may have been committed since."""
    session.execute(_REMOVE, {"ids": ids})


def stray_shards(session: Session, now: datetime, *, older_than: timedelta) -> list[int]:
    """Returns the shards whose oldest event is older than `older_than`: their poke was lost, or Redis was away.

    An event dated as far ahead counts as well: the database's clock was set back since.
    """
    oldest = select(func.min(OutboxEvent.id).label("id")).group_by(OutboxEvent.shard, OutboxEvent.applied).subquery()
    off = or_(OutboxEvent.create_time < now - older_than, OutboxEvent.create_time > now + older_than)
    statement = select(OutboxEvent.shard).join(oldest, oldest.c.id == OutboxEvent.id).where(off).distinct()
    return list(session.scalars(statement))
