"""Users coming and going: counted in Redis, announced to friends by workers, with grace for a quick return."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import gevent
from gevent import Timeout
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from infra import logs, presence
from infra.tasks import AWAY, Task, send
from realtime.batches import Batches

log = logs.get(__name__)

T = TypeVar("T")

_GATHER_SECONDS = 0.05
_PATIENCE_SECONDS = 5.0  # longer than it takes to find that Redis is away
_MOST_UNTOLD = 100_000  # beyond it, comings and goings in an outage of Redis are not announced
_TOLD_A_REPORT = 2_500  # of the untold, announced after a report: workers must not get all at once

Untold = dict[tuple[int, str | None], None]  # (user id, the connection that came, None if one went), in order


@dataclass(frozen=True, slots=True)
class _Change:
    """A connection that came, whose handler waits for `count`, or one that went."""

    user_id: int
    count: "AsyncResult[int | None] | None" = None


class Presence:
    """The comings and goings at one relay. Those in an outage of Redis are announced after it.

    Those at the same time are counted together, in the order in which they happened.
    """

    def __init__(
        self,
        relay_id: str,
        *,
        spawn: Callable[..., object] = gevent.spawn,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        """`patience` is how many seconds a connection waits to be counted."""
        self._spawn = spawn
        self._patience = patience
        self._relay_id = relay_id
        self._leaving: set[int] = set()  # within their grace
        self._untold: Untold = {}  # since the last report
        self._due: Untold = {}  # since before the last report, which has counted them
        self._counts = presence.Counts(relay_id)
        self._here: Counter[int] = Counter()  # the connections of each user that Redis has been told of
        self._telling = BoundedSemaphore()  # what a report is made of must not change before Redis has it
        self._changed: Batches[_Change] = Batches("presence_counted", self._count)
        self._arrived: Batches[tuple[str, int, bool]] = Batches(
            "presence_arrived", self._welcome, gather=_GATHER_SECONDS
        )
        self._left: Batches[int] = Batches("presence_left", self._announce_away, gather=_GATHER_SECONDS)

    def start(self) -> None:
        """Start announcing comings and goings."""
        self._spawn(self._changed.run)
        self._spawn(self._arrived.run)
        self._spawn(self._left.run)

    def came(self, user_id: int, connection_id: str, *, reachable: bool) -> int:
        """Count a connection, if Redis is `reachable`. Returns how many the user has on all relays, 0 if unknown."""
        count = self._counted(user_id) if reachable else None
        if not reachable:
            self._here[user_id] += 1  # the next report counts it
        if count is None:
            self._tell_later(user_id, connection_id)
        return count or 0

    def welcome(self, user_id: int, connection_id: str, *, first: bool) -> None:
        """Have online friends' presence sent to a new connection, and, if it is the `first`, its user announced."""
        if (user_id, connection_id) not in self._untold and (user_id, connection_id) not in self._due:
            self._arrived.add((connection_id, user_id, first and user_id not in self._leaving))

    def left(self, user_id: int, connection_id: str) -> None:
        """Count a connection less, soon. After the user's last, announce the departure unless they return within GRACE.

        It does not wait for Redis.
        """
        self._untold.pop((user_id, connection_id), None)
        self._due.pop((user_id, connection_id), None)
        self._changed.add(_Change(user_id))

    def report(self) -> None:
        """Store anew which users are connected, and announce what is due. Raises RedisError.

        What is still untold is due at the next report: by then other relays, whose users Redis may have lost as well,
        have reported too.
        """
        with self._telling:
            presence.report(self._relay_id, self._here)
        for user_id, connection_id in list(islice(self._due, _TOLD_A_REPORT)):
            del self._due[user_id, connection_id]
            if connection_id is None:
                self._left.add(user_id)
            else:
                self._arrived.add((connection_id, user_id, True))
        self._due |= self._untold
        self._untold.clear()

    def _tell_later(self, user_id: int, connection_id: str | None) -> None:
        if len(self._untold) + len(self._due) < _MOST_UNTOLD:
            self._untold[user_id, connection_id] = None

    def _counted(self, user_id: int) -> int | None:
        count: AsyncResult[int | None] = AsyncResult()
        self._changed.add(_Change(user_id, count))
        try:
            return count.get(timeout=self._patience)
        except Timeout:
            return None

    def _count(self, changes: list[_Change]) -> None:
        by = [(change.user_id, -1 if change.count is None else 1) for change in changes]
        with self._telling:
            self._add_up(by)
            counts = _ask("presence_not_counted", lambda: self._counts.change(by))
        for place, change in enumerate(changes):
            count = counts[place] if counts else None
            if change.count is not None:
                change.count.set(count)
            elif count is None:
                self._tell_later(change.user_id, None)
            elif count == 0 and change.user_id not in self._leaving:
                self._leaving.add(change.user_id)
                gevent.spawn_later(presence.GRACE, self._gone, change.user_id)

    def _add_up(self, changes: list[tuple[int, int]]) -> None:
        for user_id, by in changes:
            self._here[user_id] += by
            if not self._here[user_id]:
                del self._here[user_id]

    def _gone(self, user_id: int) -> None:
        self._leaving.discard(user_id)
        self._left.add(user_id)

    def _welcome(self, arrived: list[tuple[str, int, bool]]) -> None:
        if _ask("not_welcomed", lambda: send(Task.WELCOME, self._relay_id, arrived)) is None:
            for connection_id, user_id, _ in arrived:
                self._tell_later(user_id, connection_id)

    def _announce_away(self, left: list[int]) -> None:
        away = _ask("not_announced", lambda: set(left) - presence.online(set(left)))
        if away is None or (away and _ask("not_announced", lambda: send(Task.ANNOUNCE, *away)) is None):
            for user_id in left:
                self._tell_later(user_id, None)


def _ask(event: str, call: Callable[[], T]) -> T | None:
    """Returns what the call returns, None if Redis is away."""
    try:
        return call()
    except AWAY as error:
        log.debug(event, reason=str(error))
        return None
