"""Places for work that is long or large: how much of it a process, and one user in it, may have at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from messaging.errors import Code, Refused


class Places:
    """`most` places, `most_of_one` of them for each caller. Nothing in here switches to another greenlet."""

    def __init__(self, most: int, *, most_of_one: int, retry_after: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._retry_after = retry_after
        self._taken: Counter[int] = Counter()

    @contextmanager
    def place(self, caller: int) -> Iterator[None]:
        """Hold a place. Raises Refused: TOO_MANY_REQUESTS when the caller has all of theirs, else UNAVAILABLE."""
        if self._taken[caller] >= self._most_of_one:
            raise Refused(Code.TOO_MANY_REQUESTS, f"{self._most_of_one} at once", retry_after=self._retry_after)
        if self._taken.total() >= self._most:
            raise Refused(Code.UNAVAILABLE, "no place is free", retry_after=self._retry_after)
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]
