"""Pokes: hints to the workers that shards of the outbox have events.

A poke carries no content, may be lost, repeated or late, and never holds up a request: a background thread sends it.
The sweep (workers/upkeep.py) finds shards whose pokes were lost.
"""

import threading
import time
from collections.abc import Callable, Sequence

from infra import logs, loops
from infra.metrics import pokes_failed
from infra.redis import client
from infra.tasks import AWAY, Task, send

log = logs.get(__name__)

_FLAG_SECONDS = 2
_PAUSE_SECONDS = 0.05  # too short for users to notice, and drains are fewer and larger
_RETRY_SECONDS = 1.0
_IDLE_SECONDS = 5.0


class Poker:
    """A background thread that sends a drain task for the dirty shards.

    An idle poker sends at once; a busy one collects for 50 ms: a drain of many events costs little more than one of a
    single event.
    """

    def __init__(self, send: Callable[[Sequence[int]], None], *, retry_seconds: float = _RETRY_SECONDS) -> None:
        self._send = send
        self._retry_seconds = retry_seconds
        self._dirty: set[int] = set()
        self._changed = threading.Condition()
        self._started = False

    def poke(self, shard: int | None) -> None:
        """Mark a shard as dirty; None, for nothing stored, does nothing. Returns at once, whatever Redis does."""
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
        """Returns the dirty shards; when there are none, waits for one and returns an empty list all the same.

        The next turn sends it: a turn either waits or sends.
        """
        with self._changed:
            if not self._dirty:
                self._changed.wait(_IDLE_SECONDS)
                return []
            shards = sorted(self._dirty)
            self._dirty.clear()
            return shards


def flag(shard: int) -> str:
    """Returns the key that exists in Redis while a drain of the shard waits in the queue, for 2 s at most."""
    return f"im:poke:{shard}"


def send_drain(shards: Sequence[int]) -> None:
    """Send a drain task for these shards, without those for which one waits in the queue. Raises one of AWAY."""
    pipeline = client().pipeline(transaction=False)
    for shard in shards:
        pipeline.set(flag(shard), 1, nx=True, ex=_FLAG_SECONDS)
    new = [shard for shard, is_new in zip(shards, pipeline.execute(), strict=True) if is_new]
    if new:
        send(Task.DRAIN, new)


poke = Poker(send_drain).poke
