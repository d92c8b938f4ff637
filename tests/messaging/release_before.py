"""The two transactions in which a worker of 0.2.0 drains a shard: it marks the events that it has applied to the rows.

Such a worker may run beside those of this release while an upgrade lasts.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from db.flight import fly
from db.outbox import OutboxEvent
from messaging import outbox, projection
from messaging.announcements import announcements
from messaging.events import Announcement
from messaging.members import members
from messaging.subjects import reading, subjects


def apply_batch(session: Session, now: datetime, *, shard: int, limit: int) -> int:
    """Apply the oldest events that are not marked, and mark them. Returns how many there were."""
    events = _events(session, shard, applied=False, limit=limit)
    projection.apply(session, now, events)
    marked = update(OutboxEvent).where(OutboxEvent.id.in_([event.id for event in events])).values(applied=True)
    session.execute(marked.execution_options(synchronize_session=False))
    return len(events)


def publish_batch(
    session: Session, _now: datetime, *, shard: int, limit: int, publish: Callable[[Sequence[Announcement]], object]
) -> int:
    """Publish the oldest marked events, and delete them. Returns how many there were."""
    events = _events(session, shard, applied=True, limit=limit)
    here = members(session, {event.conversation_id for event in events})
    about = subjects(fly(session, *reading({event.message_id for event in events if event.message_id})))
    told, failures = announcements(events, here, about)
    assert not failures
    publish(told)
    outbox.remove(session, [event.id for event in events])
    return len(events)


def _events(session: Session, shard: int, *, applied: bool, limit: int) -> Sequence[Row[Any]]:
    its = (OutboxEvent.shard == shard, OutboxEvent.applied == applied)
    columns = OutboxEvent.__table__.columns
    return session.execute(select(*columns).where(*its).order_by(OutboxEvent.id).limit(limit).with_for_update()).all()
