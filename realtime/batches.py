"""What many connections ask for at the same time, and is done for all of them at once."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import gevent
from gevent.event import Event

T = TypeVar("T")

_MOST = 50
_MOST_WAITING = 100_000  # beyond it the oldest is forgotten


class Batches(Generic[T]):
    """Calls `do(batch)` with what was added while it dealt with the batch before. `do` must raise nothing."""

    def __init__(self, do: Callable[[list[T]], None], *, gather: float = 0) -> None:
        """`gather`: seconds in which more may come, for what is in no hurry."""
        self._do = do
        self._gather = gather
        self._waiting: deque[T] = deque(maxlen=_MOST_WAITING)
        self._any = Event()

    def add(self, item: T) -> None:
        """Have it done, soon. Returns at once."""
        self._waiting.append(item)
        self._any.set()

    def run(self) -> None:
        """Never returns."""
        while True:
            self._any.wait()
            self._any.clear()
            if self._gather:
                gevent.sleep(self._gather)
            while batch := [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]:
                self._do(batch)
