"""Batches: what many connections ask for at the same time is done for all of them at once."""

from collections import deque
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

import gevent
from gevent.event import Event

from infra import loops

T = TypeVar("T")

_MOST = 50
_MOST_WAITING = 100_000  # beyond it the oldest item is dropped
_IDLE_SECONDS = 2.0  # without anything to do; then the loop turns, which shows that it is alive


class Batches(Generic[T]):
    """Items in batches: `do(batch)` gets what was added while it dealt with the batch before, at most 50 items.

    A batch for which `do` raises is dropped, so a caller that waits for an item needs a timeout.
    """

    def __init__(
        self,
        name: str,
        do: Callable[[list[T]], None],
        *,
        gather: float = 0,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """`name` is the loop's; `gather` is how many seconds the first item waits for more."""
        self._name = name
        self._do = do
        self._gather = gather
        self._sleep = sleep
        self._waiting: deque[T] = deque(maxlen=_MOST_WAITING)
        self._any = Event()

    def add(self, item: T) -> None:
        """Queue an item. Returns at once."""
        self._waiting.append(item)
        self._any.set()

    def run(self) -> NoReturn:
        """Deal with added items, forever."""
        loops.forever(self._name, self._turn, sleep=self._sleep)

    def _turn(self) -> None:
        if not self._waiting:
            self._any.wait(_IDLE_SECONDS)
            self._any.clear()
            if self._gather and self._waiting:
                self._sleep(self._gather)
        if batch := [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]:
            self._do(batch)
