"""The two transactions of a drain: events are applied to conversation rows, and what is applied is published.

Invariants: both hold the shards' locks until COMMIT; exactly the events that were read are deleted, and only once
Redis has taken them; until then nobody can withdraw a message that they tell of.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from infra import bus, channels, notes
from messaging import outbox, projection
from messaging.announcements import announcements
from messaging.events import Announcement
from messaging.frame import frame
from messaging.parked import Failure, set_back


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction has worked off. `held` are the shards that no other worker held.

    `count` is the number of events that it took; `failures` are those of them that could not be applied or told.
    """

    held: frozenset[int]
    count: int
    failures: tuple[Failure, ...] = ()

    @property
    def done(self) -> int:
        """How many events it has dealt with for good."""
        return self.count - len(self.failures)


def apply_batch(session: Session, now: datetime, *, shards: Sequence[int], limit: int) -> Batch:
    """Bring conversation rows up to the oldest `limit` events of these shards.

    One that cannot be applied is set back, and the others go on.
    """
    held = outbox.lock_free(session, shards)
    events = outbox.pending(session, shards=held, applied=False, limit=limit)
    if not events:
        return Batch(frozenset(held), 0)
    failures = projection.apply(session, now, events)
    failed = {each.event_id for each in failures}
    outbox.mark_applied(session, [event.id for event in events if event.id not in failed])
    if failures:
        set_back(session, now, failures)
    return Batch(frozenset(held), len(events), tuple(failures))


def announce(announcements: Sequence[Announcement]) -> None:
    """Publish what is told to the users concerned, in its order. Raises RedisError: some may be published then."""
    bus.publish(_addressed(announcements))


def publish_batch(
    session: Session,
    now: datetime,
    *,
    shards: Sequence[int],
    limit: int,
    publish: Callable[[Sequence[Announcement]], None] = announce,
) -> Batch:
    """Publish the oldest `limit` applied events of these shards, each conversation's in their order, and delete them.

    When `publish` raises, or the process dies, they stay and are published again. One that cannot be told is set
    back, and the others go on.
    """
    held = outbox.lock_free(session, shards)
    events = outbox.pending(session, shards=held, applied=True, limit=limit)
    if not events:
        return Batch(frozenset(held), 0)
    told, failures = announcements(session, events)
    publish(told)
    failed = {each.event_id for each in failures}
    outbox.remove(session, [event.id for event in events if event.id not in failed])
    if failures:
        set_back(session, now, failures)
    return Batch(frozenset(held), len(events), tuple(failures))


def _addressed(announcements: Sequence[Announcement]) -> Iterator[tuple[str, notes.Live]]:
    for told in announcements:
        note = _note(told)
        for user in told.user_ids:
            yield channels.of_user(user), note


def _note(told: Announcement) -> notes.Live:
    encoded = frame(told.kind, told.content)
    if not told.message:
        return notes.Frame(encoded, told.origin)
    message = told.content
    return notes.Message(message["conversation_id"], message["seq"], message["from_user_id"], encoded)
