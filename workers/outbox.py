"""Draining the outbox: applying events to the conversation rows, publishing and deleting them."""

import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from actions import work
from db.errors import DatabaseUnavailable
from db.session import write, write_at_once
from infra import logs
from infra.metrics import events_drained, events_parked
from infra.redis import client
from infra.settings import settings
from infra.tasks import AWAY, Task, app
from messaging import outbox
from messaging.parked import Failure, set_back_oldest
from workers.batches import apply_batch, locking, publish_batch

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
        _, also_left = _work_off(busy, until)  # the other may have looked for the marks just before they were set
        left += also_left
    return left


def _work_off(shards: Sequence[int], until: float) -> tuple[list[int], list[int]]:
    """Drain until no event is left. Returns the shards that another worker holds, and those left at `until`.

    Shards with few events share a batch, because a batch costs the same for any number of shards. Of several with many
    events, half go to another task, and the others take turns. They are drawn by lot: when there is more to do than all
    workers can, none of them must be the last each time.
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
            if len(together) > 1:
                queue.extend((shard,) for shard in together)
                continue  # also when time is over: the next task would begin with the same batch
            held, more = _event_by_event(together, until)
        busy.update(set(together) - held)
        if more:
            queue.extend((shard,) for shard in _own_half(random.sample(sorted(held), len(held))))
        elif held and client().delete(*map(_more, held)):
            queue.append(tuple(sorted(held)))
        if queue and time.monotonic() > until:
            break
    return sorted(busy), sorted({shard for some in queue for shard in some})


def _own_half(shards: Sequence[int]) -> Sequence[int]:
    """Leave every other of these shards to another worker, which may be idle. Returns the rest. Raises one of AWAY."""
    if others := shards[1::2]:
        work.resume(others)
    return shards[::2]


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


def _event_by_event(shards: Sequence[int], until: float) -> tuple[frozenset[int], bool]:
    """Drain a shard whose batch failed, until an event fails, which counts an attempt, or until `until`.

    Returns the shard, unless another worker holds it, and whether it may hold more events.
    """
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
