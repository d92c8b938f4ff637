"""Draining the outbox: applying events to the conversation rows, publishing and deleting them."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict

from actions import work
from db.errors import DatabaseUnavailable
from db.session import write
from infra import logs
from infra.metrics import events_drained, events_parked
from infra.redis import client
from infra.settings import settings
from infra.tasks import AWAY, Task, app
from messaging.parked import Failure, set_back_oldest
from workers.batches import Batch, apply_batch, publish_batch

log = logs.get(__name__)

_MARK_SECONDS = 60
_UNAVAILABLE = (DatabaseUnavailable, *AWAY)  # no event's fault


@app.task(name=Task.DRAIN)
def drain_as_asked(shards: Sequence[int]) -> None:
    """Have shards drained that a process of 0.2.0 names, which sends no other task for them while its flags stand."""
    client().delete(*(f"im:poke:{shard}" for shard in shards))
    work.resume(shards)


def drain(shards: Sequence[int], *, until: float) -> list[int]:
    """Drain these shards until they are empty, or `until` (time.monotonic()) has passed. Returns those that are left.

    A shard that another worker holds is left to that worker, with a mark in Redis that there is more: waiting for its
    lock would keep this worker from other shards.
    """
    busy, left = _work_off(shards, until)
    if busy:
        _mark(busy)
        _, left_then = _work_off(
            busy, until
        )  # the other worker may have looked for the marks just before they were set
        left += left_then
    return left


def _work_off(shards: Sequence[int], until: float) -> tuple[list[int], list[int]]:
    """Drain until no event is left. Returns the shards that another worker holds, and those left at `until`.

    Shards with few events share a batch, because a batch costs the same for any number of shards. Shards with many
    take turns, so that no shard waits for another and other workers can take some.
    """
    busy: set[int] = set()
    queue = deque([tuple(shards)])
    while queue:
        together = queue.popleft()
        try:
            held, more = _one_batch(together)
        except _UNAVAILABLE:
            raise
        except Exception:
            log.exception("batch_failed", shards=list(together))
            held, more = _each_alone(together)
        busy.update(set(together) - held)
        if more:
            queue.extend((shard,) for shard in sorted(held))
        elif held and client().delete(*map(_more, held)):
            queue.append(tuple(sorted(held)))
        if queue and time.monotonic() > until:
            break
    return sorted(busy), sorted({shard for some in queue for shard in some})


def _one_batch(shards: Sequence[int]) -> tuple[frozenset[int], bool]:
    """Returns the shards that it could lock, and whether they may hold more events."""
    limit = settings().outbox_batch
    applied = write(apply_batch, shards=shards, limit=limit)
    _tell_of(applied.failures)
    if not applied.held:
        return applied.held, False
    published = _publish(shards)
    return applied.held & published.held, max(applied.count, published.count) >= limit


def _publish(shards: Sequence[int]) -> Batch:
    limit = settings().outbox_batch
    published = write(publish_batch, shards=shards, limit=limit)
    _tell_of(published.failures)
    events_drained.inc(published.done)
    return published


def _each_alone(shards: Sequence[int]) -> tuple[frozenset[int], bool]:
    """Narrow down a failed batch. Returns the shards to go on with, and whether they may hold more events.

    Several shards are to be tried one by one. A single shard is applied event by event: the event that fails counts
    an attempt, and the events applied before it are published.
    """
    if len(shards) > 1:
        return frozenset(shards), True
    try:
        while (applied := write(apply_batch, shards=shards, limit=1)).done:
            pass
        _tell_of(applied.failures)
    except _UNAVAILABLE:
        raise
    except Exception as error:  # noqa: BLE001 - it is the one that was logged for the whole batch
        culprit = error
        _tell_of(write(set_back_oldest, shard=shards[0], error=culprit))
    return _publish(shards).held, False


def _tell_of(failures: Sequence[Failure]) -> None:
    for each in failures:
        if each.parked:
            events_parked.inc()
        tell = log.error if each.parked else log.warning
        tell("event_parked" if each.parked else "event_not_told", **asdict(each))


def _mark(shards: Sequence[int]) -> None:
    pipeline = client().pipeline(transaction=False)
    for shard in shards:
        pipeline.set(_more(shard), 1, ex=_MARK_SECONDS)
    pipeline.execute()


def _more(shard: int) -> str:
    return f"im:more:{shard}"
