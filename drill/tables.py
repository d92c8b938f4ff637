"""What the tables say of a drill's conversations: what waits in the outbox, and what has drifted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.head import Head
from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from db.session import read, write
from messaging.audit import audit


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many events lie in the outbox, for how many seconds the oldest one has, and how many were put aside."""

    events: int
    seconds: int
    parked: int


def waiting(names: Sequence[str]) -> Waiting:
    """Returns what waits of these conversations. Raises DatabaseUnavailable."""
    return read(_waiting, names=names)


def drift(names: Sequence[str]) -> list[str]:
    """Returns a line for each drift in these conversations. Raises DatabaseUnavailable."""
    return [
        f"{name}: user {each.user_id or '-'}: {each.what} is {each.stored!r}, right is {each.right!r}"
        for name in names
        for each in write(audit, conversation_id=name, repair=False).drift
    ]


def _waiting(session: Session, now: datetime, *, names: Sequence[str]) -> Waiting:
    shards = session.scalars(select(Head.shard).where(Head.conversation_id.in_(names))).all()
    events, oldest = session.execute(
        select(func.count(), func.min(OutboxEvent.create_time)).where(
            OutboxEvent.shard.in_(set(shards)), OutboxEvent.conversation_id.in_(names)
        )
    ).one()
    parked = session.scalar(select(func.count()).select_from(Parked).where(Parked.conversation_id.in_(names)))
    return Waiting(events, int((now - oldest).total_seconds()) if oldest else 0, parked or 0)
