"""Turns: each caller has one piece of work done at a time, so that nobody takes all places for that work alone."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from weakref import WeakValueDictionary


class Turns:
    """A turn for each caller. Only callers who have it, or wait for it, are remembered."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._turns: WeakValueDictionary[Hashable, BoundedSemaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        """Returns how many callers are remembered."""
        return len(self._turns)

    @contextmanager
    def turn(self, caller: Hashable) -> Iterator[None]:
        """Have the caller's turn. Raises TimeoutError when it does not come within so many seconds."""
        mine = self._turns.setdefault(caller, BoundedSemaphore())
        if not mine.acquire(timeout=self._seconds):
            raise TimeoutError
        try:
            yield
        finally:
            mine.release()
