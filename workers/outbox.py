"""The outbox's two ends in the workers: `poke` tells that a shard has events, `drain` works shards off.

A poke is a hint. It never carries content, may be lost, repeated or late, and never holds up a request: a background
thread sends it. The sweep (workers/upkeep.py) finds shards whose pokes were lost.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict

from db.session import DatabaseUnavailable, run
from infra import logs, loops
from infra.metrics import events_drained, events_parked, pokes_failed
from infra.redis import client
from infra.settings import settings
from messaging.parked import Failure, set_back_oldest
from workers.app import AWAY, app
from workers.batches import Batch, apply_batch, publish_batch

log = logs.get(__name__)

_FLAG_SECONDS = 2
_PAUSE_SECONDS = 0.05  # nobody notices it, and drains are fewer and larger
_RETRY_SECONDS = 1.0
_IDLE_SECONDS = 5.0
_MARK_SECONDS = 60
SPELL_SECONDS = 20.0  # of one task; with what a batch may wait for locks and Redis well within task_time_limit
_UNAVAILABLE = (DatabaseUnavailable, *AWAY)  # no event's fault


@app.task(name="outbox.drain")
def drain(shards: Sequence[int]) -> None:
    """Work off shards until they are empty.

    Those that another worker is at are left to it, with a mark that there is more: waiting for their locks would keep
    this worker from others.
    """
    client().delete(*map(_flag, shards))  # first: whoever stores an event from now on pokes anew
    until = time.monotonic() + SPELL_SECONDS
    busy = _work_off(shards, until)
    if busy:
        _mark(busy)
        _work_off(busy, until)  # the other may have looked for the marks just before they were there


def _work_off(shards: Sequence[int], until: float) -> list[int]:
    """Apply to conversation rows, COMMIT, publish, delete, COMMIT, until nothing is left. Those another is at.

    Together as long as there is little to do, because a batch costs the same however many shards it is of; when there
    is much, in turn, so that the others wait for none and other workers can take some. What is left at `until` is
    handed to another task.
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
            drain.apply_async((sorted({shard for some in queue for shard in some}),))
            break
    return sorted(busy)


def _one_batch(shards: Sequence[int]) -> tuple[frozenset[int], bool]:
    """The shards that no other worker was at, and whether they may hold more."""
    limit = settings().outbox_batch
    applied = run(lambda session, now: apply_batch(session, now, shards=shards, limit=limit))
    if not applied.held:
        return applied.held, False
    published = _publish(shards)
    return applied.held & published.held, max(applied.count, published.count) >= limit


def _publish(shards: Sequence[int]) -> Batch:
    limit = settings().outbox_batch
    published = run(lambda session, now: publish_batch(session, now, shards=shards, limit=limit))
    _tell_of(published.failures)
    events_drained.inc(published.count - len(published.failures))
    return published


def _each_alone(shards: Sequence[int]) -> tuple[frozenset[int], bool]:
    """Go on after a batch that failed: several shards one by one, a single one event by event, up to the culprit."""
    if len(shards) > 1:
        return frozenset(shards), True
    try:
        while run(lambda session, now: apply_batch(session, now, shards=shards, limit=1)).count:
            pass
    except _UNAVAILABLE:
        raise
    except Exception as error:  # noqa: BLE001 - it is the one that was logged for the whole batch
        culprit = error
        _tell_of(run(lambda session, now: set_back_oldest(session, now, shard=shards[0], error=culprit)))
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


def _flag(shard: int) -> str:
    return f"im:poke:{shard}"


def _more(shard: int) -> str:
    return f"im:more:{shard}"


class Poker:
    """Sends a drain task for the shards that are dirty, but for those for which one is already waiting in the queue.

    While nothing is to do at once; otherwise what gets dirty within a pause goes together: a drain of many events
    costs little more than one of a single event.
    """

    def __init__(self, send: Callable[[Sequence[int]], None], *, retry_seconds: float = _RETRY_SECONDS) -> None:
        self._send = send
        self._retry_seconds = retry_seconds
        self._dirty: set[int] = set()
        self._changed = threading.Condition()
        self._started = False

    def poke(self, shard: int | None) -> None:
        """Say that a shard has events; None says that nothing was stored. Returns at once, whatever Redis does."""
        if shard is None:
            return
        with self._changed:
            self._dirty.add(shard)
            if not self._started:  # in the process that uses it: a thread does not survive the server's fork
                threading.Thread(target=loops.forever, args=("poker", self._turn), name="poker", daemon=True).start()
                self._started = True
            self._changed.notify()

    def _turn(self) -> None:
        shards = self._taken()
        if not shards:
            return
        try:
            self._send(shards)
            time.sleep(_PAUSE_SECONDS)
        except Exception as error:
            with self._changed:
                self._dirty.update(shards)
            pokes_failed.inc(len(shards))
            if not isinstance(error, AWAY):
                raise
            log.warning("poke_failed", reason=str(error))
            time.sleep(self._retry_seconds)

    def _taken(self) -> list[int]:
        """Returns the shards that are dirty, or none after a wait: a turn that waits does not send as well."""
        with self._changed:
            if not self._dirty:
                self._changed.wait(_IDLE_SECONDS)
                return []
            shards = sorted(self._dirty)
            self._dirty.clear()
            return shards


def _send(shards: Sequence[int]) -> None:
    pipeline = client().pipeline(transaction=False)
    for shard in shards:
        pipeline.set(_flag(shard), 1, nx=True, ex=_FLAG_SECONDS)
    new = [shard for shard, is_new in zip(shards, pipeline.execute(), strict=True) if is_new]
    if new:
        drain.apply_async((new,))


poke = Poker(_send).poke
