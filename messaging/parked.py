"""Events that cannot be applied or published: after five attempts they are parked, so that they hold up no other."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from db.flight import fly
from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from messaging import outbox

MOST_ATTEMPTS = 5
_REASON_LENGTH = 255
_KEPT = tuple(name for name in OutboxEvent.__table__.columns.keys() if name not in ("id", "trace", "attempts"))  # noqa: SIM118 - no dict
_BACK = tuple(name for name in _KEPT if name != "create_time")


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that could not be applied or published, and the reason. `attempts` counts this one."""

    event_id: int
    conversation_id: str
    kind: int
    attempts: int
    reason: str

    @property
    def parked(self) -> bool:
        """Returns whether this attempt was the last, so that the event is parked."""
        return self.attempts >= MOST_ATTEMPTS


def failure(event: outbox.Pending, error: Exception) -> Failure:
    """Returns the failure of one more attempt of an event."""
    reason = f"{type(error).__name__}: {error}"[:_REASON_LENGTH]
    return Failure(event.id, event.conversation_id, event.kind, event.attempts + 1, reason)


def set_back(session: Session, now: datetime, failures: Sequence[Failure]) -> None:
    """Count an attempt of each event, and park those whose last it was. The caller holds their shards' locks."""
    again = [each.event_id for each in failures if not each.parked]
    if again:
        session.execute(
            update(OutboxEvent)
            .where(OutboxEvent.id.in_(again))
            .values(attempts=OutboxEvent.attempts + 1)
            .execution_options(synchronize_session=False)
        )
    reasons = {each.event_id: each.reason for each in failures if each.parked}
    if reasons:
        columns = OutboxEvent.__table__.columns
        rows = session.execute(
            select(columns["id"], *(columns[name] for name in _KEPT)).where(OutboxEvent.id.in_(reasons))
        ).mappings()
        session.execute(
            insert(Parked),
            [{name: row[name] for name in _KEPT} | {"reason": reasons[row["id"]], "park_time": now} for row in rows],
        )
        outbox.remove(session, list(reasons))


def set_back_oldest(session: Session, now: datetime, *, shard: int, error: Exception) -> list[Failure]:
    """Count an attempt of the shard's oldest event: applying or publishing it raised `error`.

    Returns its failure; an empty list when another worker holds the shard, or no event is left.
    """
    found = fly(session, *outbox.claiming([shard], limit=1))
    _, oldest = outbox.claimed(session, [shard], found, limit=1)
    failures = [failure(event, error) for event in oldest]
    set_back(session, now, failures)
    return failures


def parked(session: Session, _now: datetime, *, after: int = 0, limit: int) -> Sequence[Parked]:
    """Returns up to `limit` parked events with ids above `after`, oldest first."""
    return session.scalars(select(Parked).where(Parked.id > after).order_by(Parked.id).limit(limit)).all()


def retry(session: Session, now: datetime, *, ids: Collection[int]) -> list[int]:
    """Put these parked events back into the outbox as new ones. Returns the shards to drain, one for each event."""
    rows = session.scalars(select(Parked).where(Parked.id.in_(ids)).order_by(Parked.id).with_for_update()).all()
    if rows:
        back = [{name: getattr(row, name) for name in _BACK} | {"create_time": now} for row in rows]
        session.execute(insert(OutboxEvent), back)
        session.execute(delete(Parked).where(Parked.id.in_([row.id for row in rows])))
    return [row.shard for row in rows]
