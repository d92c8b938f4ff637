"""A pace for work that could keep an event loop busy, so that all else gets its turn in between."""

import time
from collections.abc import Callable

import gevent


class Pace:
    """Lets greenlets that call `wait` go on one after the other, at least `gap` seconds apart."""

    def __init__(
        self, gap: float, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = gevent.sleep
    ) -> None:
        self._gap = gap
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0

    def wait(self) -> None:
        """Return when it is this greenlet's turn."""
        now = self._clock()
        turn = max(self._next, now)
        self._next = turn + self._gap
        self._sleep(turn - now)
