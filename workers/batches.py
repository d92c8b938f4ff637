"""The two transactions of a drain: one applies events to conversation rows, one publishes applied events.

Invariants: both hold the shards' locks until COMMIT; exactly the events that were read are deleted, and only once
Redis has taken them; until then a recall or deletion of one of their messages waits.
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
    """The outcome of one transaction. `held` are the shards that it could lock, because no other worker held them.

    `count` is the number of events that it read; `failures` are those of them that could not be applied or published.
    """

    held: frozenset[int]
    count: int
    failures: tuple[Failure, ...] = ()

    @property
    def done(self) -> int:
        """How many events it has dealt with for good."""
        return self.count - len(self.failures)


def apply_batch(session: Session, now: datetime, *, shards: Sequence[int], limit: int) -> Batch:
    """Apply the oldest `limit` events of these shards to the conversation rows, and mark them applied.

    One that cannot be applied is set back, and the others go on.
    """
    held = outbox.lock_free(session, shards)
    events = outbox.pending(session, shards=held, applied=False, limit=limit)
    if not events:
        return Batch(frozenset(held), 0)
    failures = projection.apply(session, now, events)
    outbox.mark_applied(session, _without(failures, events))
    set_back(session, now, failures)
    return Batch(frozenset(held), len(events), tuple(failures))


def announce(announcements: Sequence[Announcement]) -> None:
    """Publish each announcement to its users, in the order given. Raises RedisError; some may be published by then."""
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

    When `publish` raises, or the process dies, the events stay and are published again. An event that cannot be
    turned into announcements counts a failed attempt (messaging/parked.py) and does not hold up the others.
    """
    held = outbox.lock_free(session, shards)
    events = outbox.pending(session, shards=held, applied=True, limit=limit)
    if not events:
        return Batch(frozenset(held), 0)
    told, failures = announcements(session, events)
    publish(told)
    outbox.remove(session, _without(failures, events))
    set_back(session, now, failures)
    return Batch(frozenset(held), len(events), tuple(failures))


def _without(failures: Sequence[Failure], events: Sequence[outbox.Pending]) -> list[int]:
    """Returns the ids of the events that have not failed."""
    failed = {each.event_id for each in failures}
    return [event.id for event in events if event.id not in failed]


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
