"""Doing what retention has found to be due: a transaction for few messages of one conversation, or for many texts."""

from collections.abc import Iterator, Sequence
from typing import Any

from db.session import write
from messaging import retention
from messaging.retention import Due

PAGE = 5_000  # messages that are looked at by a statement
_REMOVED = 20  # in a transaction, under the lock of their conversation's head, which sends wait for
_WIPED = 500  # in a transaction, which locks nothing else


class Step:
    """A transaction of a purge. `what` it removes is "message" or "text"."""

    def __init__(self, rule: Any, what: str, **given: Any) -> None:
        self._rule = rule
        self.what = what
        self._given = given

    def do(self) -> int:
        """Returns how many were removed. Raises DatabaseUnavailable."""
        found: int = write(self._rule, **self._given)
        return found


def steps(due: Due) -> Iterator[Step]:
    """Yields what is to be done, a transaction each."""
    for messages in due.old.values():
        for some in _parts(messages, _REMOVED):
            yield Step(retention.remove, "message", messages=some)
    for ids in _parts(due.withdrawn, _WIPED):
        yield Step(retention.wipe, "text", ids=ids)


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
