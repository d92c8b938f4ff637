"""Pokes: hints to the workers that shards of the outbox have events.

A poke carries no content, may be lost, repeated or late, and never holds up a request: a background thread sends it.
The sweep (workers/upkeep.py) finds shards whose pokes were lost.
"""

import threading
import time
from collections.abc import Callable, Sequence

from actions import work
from infra import logs, loops
from infra.metrics import pokes_failed
from infra.tasks import AWAY

log = logs.get(__name__)

_PAUSE_SECONDS = 0.05  # too short for users to notice, and drains are fewer and larger
_RETRY_SECONDS = 1.0  # by then a promise of a task that could not be sent has ended
_IDLE_SECONDS = 5.0


class Poker:
    """A background thread that leaves the dirty shards for the workers (actions/work.py).

    An idle poker leaves them at once; a busy one collects for 50 ms, or until the task goes that it has promised.
    """

    def __init__(
        self,
        leave: Callable[[Sequence[int]], bool] = work.leave_shards,
        call: Callable[[], None] = work.call,
        *,
        gather_seconds: float | None = None,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        self._leave = leave
        self._call = call
        self._gather_seconds = gather_seconds
        self._retry_seconds = retry_seconds
        self._dirty: set[int] = set()
        self._left: set[int] = set()  # in this turn
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
        if not self._is_dirty():
            return
        self._left.clear()
        try:
            work.bring(self._leave_dirty, call=self._call, sleep=time.sleep, gather_seconds=self._gather_seconds)
            time.sleep(_PAUSE_SECONDS)
        except Exception as error:
            with self._changed:
                self._dirty.update(self._left)
            pokes_failed.inc(len(self._left))
            if not isinstance(error, AWAY):
                raise
            log.warning("poke_failed", reason=str(error))
            time.sleep(self._retry_seconds)

    def _is_dirty(self) -> bool:
        """Returns whether there are dirty shards; when there are none, waits for one and returns False all the same.

        The next turn sees it: a turn either waits or sends.
        """
        with self._changed:
            if self._dirty:
                return True
            self._changed.wait(_IDLE_SECONDS)
            return False

    def _leave_dirty(self) -> bool:
        with self._changed:
            shards = sorted(self._dirty)
            self._dirty.clear()
        self._left.update(shards)
        return bool(shards) and self._leave(shards)


poke = Poker().poke
