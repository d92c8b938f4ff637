"""The two transactions of a drain: one applies events to conversation rows, one publishes and deletes them.

Invariants: both hold the shards' locks until COMMIT; exactly the events that were published are deleted, and only once
Redis has taken them; until then a recall or deletion of one of their messages waits. No conversation row is locked
while Redis is waited for. Each may meet events that another drain has applied or published meanwhile.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db.flight import Call, Rows, fly
from infra import bus, channels, logs, notes, trace
from infra.trace import Traced
from messaging import outbox, projection
from messaging.announcements import announcements
from messaging.events import Announcement, GroupAnnouncement, Told
from messaging.frame import frame
from messaging.parked import Failure, set_back
from messaging.subjects import rereading, updated

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome of the first transaction. `held` are the shards that it could lock: no other worker held them.

    `count` is the number of events that it read. `projected` is what it applied; None when there was no event.
    """

    held: frozenset[int]
    count: int = 0
    projected: projection.Projected | None = None

    @property
    def failures(self) -> Sequence[Failure]:
        """The events that could not be applied."""
        return self.projected.failures if self.projected else ()


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome of the second transaction: the shards that it could lock, and the events that it found still there.

    `failures` are those of these events that could not be published.
    """

    held: frozenset[int]
    count: int = 0
    failures: Sequence[Failure] = ()

    @property
    def done(self) -> int:
        """How many events it has dealt with for good."""
        return self.count - len(self.failures)


def apply_batch(
    session: Session, now: datetime, found: Sequence[Rows], *, shards: Sequence[int], limit: int
) -> Applied:
    """Apply the oldest `limit` events of these shards to the conversation rows. They stay, to be published.

    `found` are the rows of `outbox.claiming`. An event that cannot be applied is set back, and the others go on.
    """
    held, events = outbox.claimed(session, shards, found, limit=limit)
    if not events:
        return Applied(held)
    projected = projection.apply(session, now, events)
    set_back(session, now, projected.failures)
    return Applied(held, len(events), projected)


def announce(announcements: Sequence[Told]) -> None:
    """Publish each announcement to its users or its group, in the order given.

    Raises RedisError; some may be published by then.
    """
    began = time.time()
    bus.publish(_addressed(announcements))
    steps: dict[str, list[Traced]] = {}
    for told in announcements:
        id_ = told.content.get("id")  # which only frames about one message have
        if id_ and (found := trace.traced(id_, told.trace)):
            steps.setdefault(told.kind, []).append(found)
    for kind, some in steps.items():
        trace.tell(log, "published", list(dict.fromkeys(some)), began=began, frame=kind)


def locking(projected: projection.Projected) -> list[Call]:
    """Returns the call that locks the shards of these events, those that no other worker holds."""
    return [outbox.locking(sorted({event.shard for event in projected.events}))]


def publish_batch(
    session: Session,
    now: datetime,
    found: Sequence[Rows],
    *,
    projected: projection.Projected,
    publish: Callable[[Sequence[Told]], None] = announce,
) -> Published:
    """Publish the applied events that are still there, each conversation's in their order, and delete them.

    `found` are the rows of `locking`: events of other shards are left to the workers that hold these. Messages are told
    as they now stand. When `publish` raises, or the process dies, the events stay and are published again. An event
    that cannot be turned into announcements counts a failed attempt (messaging/parked.py) and does not hold up the
    others.
    """
    held = frozenset(row.shard for shards in found for row in shards)
    ours = [event for event in projected.events if event.shard in held]
    if not ours:
        return Published(held)
    # The events are locked before the messages are read: who withdraws one of these from then on waits.
    there, *changed = fly(session, outbox.holding([event.id for event in ours]), *rereading(projected.about))
    events = outbox.held(ours, there)
    told, failures = announcements(events, projected.members, updated(session, projected.about, changed))
    publish(told)
    failed = {each.event_id for each in failures}
    outbox.remove(session, [event.id for event in events if event.id not in failed])
    set_back(session, now, failures)
    return Published(held, len(events), failures)


def _addressed(announcements: Sequence[Told]) -> Iterator[tuple[str, notes.Note]]:
    for told in announcements:
        encoded = frame(told.kind, told.content)
        yield from _to_group(told, encoded) if isinstance(told, GroupAnnouncement) else _to_users(told, encoded)


def _to_users(told: Announcement, encoded: bytes) -> Iterator[tuple[str, notes.Note]]:
    note: notes.Message | notes.Frame = notes.Frame(encoded, told.origin)
    if told.message:
        note = notes.Message(*_place(told.content), encoded, traced=_traced(told))
    for user in told.user_ids:
        yield channels.of_user(user), note


def _to_group(told: GroupAnnouncement, encoded: bytes) -> Iterator[tuple[str, notes.Note]]:
    """Yields one note for all members, and for those who have just come two on their own channels.

    Their relays may not be subscribed to the group's channel yet.
    """
    quoting = _quoting(told)
    if not told.message:
        name, seq = told.content["conversation_id"], told.content["seq"] if told.seq is None else told.seq
        only, blind = frozenset(told.only), frozenset(told.blind)
        yield channels.of_group(name), notes.GroupFrame(name, seq, encoded, only, blind, quoting)
        return
    name, seq, from_user_id = _place(told.content)
    membership = bool(told.came or told.went)
    traced = _traced(told)
    note = notes.GroupMessage(name, seq, from_user_id, encoded, membership, told.went, quoting, traced)
    yield channels.of_group(name), note
    for own in (notes.Joined(name), notes.Message(name, seq, from_user_id, encoded, traced=traced)):
        for user in told.came:
            yield channels.of_user(user), own


def _quoting(told: GroupAnnouncement) -> notes.Quoting | None:
    if told.quoting is None:
        return None
    return notes.Quoting(frame(told.kind, told.quoting.content), told.quoting.seq, frozenset(told.quoting.blind))


def _traced(told: Told) -> Traced | None:
    return trace.traced(told.content["id"], told.trace)


def _place(message: dict[str, Any]) -> tuple[str, int, int]:
    return message["conversation_id"], message["seq"], message["from_user_id"]
