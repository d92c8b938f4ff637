"""Outbox events: written in the transaction that they tell of, taken by the workers (see workers/outbox.py)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.insert_ignore import insert_ignore
from db.outbox import Event, Kind
from db.outbox_shard import OutboxShard


def event(
    *, shard: int, conversation_id: str, kind: Kind, message_id: int, change_seq: int, now: datetime
) -> dict[str, Any]:
    """A row for `append`."""
    return {
        "shard": shard,
        "conversation_id": conversation_id,
        "kind": kind,
        "message_id": message_id,
        "change_seq": change_seq,
        "applied": False,
        "create_time": now,
    }


def append(session: Session, events: Sequence[dict[str, Any]]) -> None:
    """Add events, one statement. The caller holds the head lock of every conversation in them."""
    session.execute(insert(Event), list(events))


def try_lock(session: Session, shard: int) -> bool:
    """Keep every other drain of this shard out until COMMIT. False, at once, when another keeps us out."""
    found = select(OutboxShard.shard).where(OutboxShard.shard == shard)
    free = found.with_for_update(skip_locked=True)
    if session.scalar(free) is not None:
        return True
    if session.scalar(found) is not None:
        return False
    insert_ignore(session, OutboxShard, [{"shard": shard}])
    return session.scalar(free) is not None


def pending(session: Session, *, shard: int, applied: bool, limit: int) -> Sequence[Event]:
    """The oldest events of a shard: those still to apply to conversation rows, or those still to publish."""
    # `=`, not IS: only so does MariaDB find them, in order, by the index.
    statement = select(Event).where(Event.shard == shard, Event.applied == applied).order_by(Event.id).limit(limit)
    return session.scalars(statement).all()


def mark_applied(session: Session, ids: Sequence[int]) -> None:
    session.execute(
        update(Event).where(Event.id.in_(ids)).values(applied=True).execution_options(synchronize_session=False)
    )


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete exactly the events that were read: a smaller id may have been committed since."""
    session.execute(delete(Event).where(Event.id.in_(ids)).execution_options(synchronize_session=False))


def stray_shards(session: Session, now: datetime, *, older_than: timedelta) -> list[int]:
    """Shards whose oldest event is older than that: their poke was lost, or Redis was away."""
    oldest = select(func.min(Event.id).label("id")).group_by(Event.shard, Event.applied).subquery()
    statement = (
        select(Event.shard).join(oldest, oldest.c.id == Event.id).where(Event.create_time < now - older_than).distinct()
    )
    return list(session.scalars(statement))
