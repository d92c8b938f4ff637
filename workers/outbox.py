"""The task that drains the outbox: it applies events to the conversation rows, publishes and deletes them."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from actions.poke import flag
from db.errors import DatabaseUnavailable
from db.session import write, write_at_once
from infra import logs
from infra.metrics import events_drained, events_parked
from infra.redis import client
from infra.settings import settings
from infra.tasks import AWAY, Task, app, send
from messaging import outbox
from messaging.parked import Failure, set_back_oldest
from workers.batches import apply_batch, locking, publish_batch

log = logs.get(__name__)

_MARK_SECONDS = 60
SPELL_SECONDS = 20.0  # of one task: together with a batch's waits for locks and Redis well within task_time_limit
_UNAVAILABLE = (DatabaseUnavailable, *AWAY)  # no event's fault


@app.task(name=Task.DRAIN)
def drain(shards: Sequence[int]) -> None:
    """Drain these shards until they are empty.

    A shard that another worker holds is left to that worker, with a mark in Redis that there is more: waiting for its
    lock would keep this worker from other shards.
    """
    client().delete(*map(flag, shards))  # first, so that every event stored from now on pokes anew
    until = time.monotonic() + SPELL_SECONDS
    busy = _work_off(shards, until)
    if busy:
        _mark(busy)
        _work_off(busy, until)  # the other worker may have looked for the marks just before they were set


def _work_off(shards: Sequence[int], until: float) -> list[int]:
    """Apply, COMMIT, publish, delete, COMMIT, until no event is left. Returns the shards that another worker holds.

    Shards with few events share a batch, because a batch costs the same for any number of shards. Shards with many
    take turns, so that no shard waits for another and other workers can take some. At `until` (time.monotonic()) a new
    task gets the shards that are left.
    """
    busy: set[int] = set()
    queue = deque([tuple(shards)])
    while queue:
        together = queue.popleft()
        try:
            batch = _one_batch(together, settings().outbox_batch)
            held, more = batch.held, batch.more
        except _UNAVAILABLE:
            raise
        except Exception:
            log.exception("batch_failed", shards=list(together))
            held, more = _each_alone(together, until)
        busy.update(set(together) - held)
        if more:
            queue.extend((shard,) for shard in sorted(held))
        elif held and client().delete(*map(_more, held)):
            queue.append(tuple(sorted(held)))
        if queue and time.monotonic() > until:
            send(Task.DRAIN, sorted({shard for some in queue for shard in some}))
            break
    return sorted(busy)


@dataclass(frozen=True, slots=True)
class _Drained:
    """The shards that a batch could lock, whether they may hold more events, and how many events it has dealt with."""

    held: frozenset[int]
    more: bool
    done: int


def _one_batch(shards: Sequence[int], limit: int) -> _Drained:
    calls = outbox.claiming(shards, limit=limit)
    applied = write_at_once(calls, partial(apply_batch, shards=shards, limit=limit))
    _tell_of(applied.failures)
    more = applied.count >= limit
    if applied.projected is None or not applied.projected.events:
        return _Drained(applied.held, more, 0)
    calls = locking(applied.projected)
    published = write_at_once(calls, partial(publish_batch, projected=applied.projected))
    _tell_of(published.failures)
    events_drained.inc(published.done)
    taken = {event.shard for event in applied.projected.events} - published.held  # another worker came in between
    return _Drained(applied.held - taken, more, published.done)


def _each_alone(shards: Sequence[int], until: float) -> tuple[frozenset[int], bool]:
    """Narrow down a failed batch. Returns the shards to go on with, and whether they may hold more events.

    Several shards are to be tried one by one. A single shard is drained event by event, until one fails, which counts
    an attempt, or until `until` (time.monotonic()).
    """
    if len(shards) > 1:
        return frozenset(shards), True
    try:
        while (batch := _one_batch(shards, 1)).done:
            if time.monotonic() > until:
                return batch.held, True
    except _UNAVAILABLE:
        raise
    except Exception as error:  # noqa: BLE001 - it is the one that was logged for the whole batch
        culprit = error
        _tell_of(write(set_back_oldest, shard=shards[0], error=culprit))
        return frozenset(shards), False
    return batch.held, False


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
