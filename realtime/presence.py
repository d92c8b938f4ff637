"""A user comes and goes: counted in Redis, told to his friends by a worker, with grace for who comes straight back."""

from collections.abc import Callable
from typing import Any

import gevent
from celery.exceptions import OperationalError
from gevent.lock import BoundedSemaphore

from infra import logs, presence
from infra.redis import RedisError
from realtime.batches import Batches
from workers.presence import announce, welcome

log = logs.get(__name__)

_GATHER_SECONDS = 0.05
_AT_ONCE = 4  # each takes a connection to Redis, and thousands may come or go at the same moment


class Presence:
    """The comings and goings at one relay. While Redis is away nobody is told anything, and nothing else suffers."""

    def __init__(self, relay_id: str) -> None:
        self._relay_id = relay_id
        self._leaving: set[int] = set()  # within their grace
        self._turn = BoundedSemaphore(_AT_ONCE)
        self._arrived: Batches[tuple[str, int, bool]] = Batches(self._welcome, gather=_GATHER_SECONDS)
        self._left: Batches[int] = Batches(self._announce_away, gather=_GATHER_SECONDS)

    def start(self) -> None:
        """Tell of comings and goings from now on."""
        gevent.spawn(self._arrived.run)
        gevent.spawn(self._left.run)

    def came(self, user_id: int) -> int:
        """Count a connection; how many the user has on all relays, 0 when nobody can tell."""
        counts: list[int] = []
        with self._turn:
            _try("presence_not_counted", lambda: counts.append(presence.join(self._relay_id, user_id)))
        return counts[0] if counts else 0

    def welcome(self, user_id: int, connection_id: str, *, first: bool) -> None:
        """Have a new connection told who is there, and friends told of a user who was away."""
        self._arrived.add((connection_id, user_id, first and user_id not in self._leaving))

    def left(self, user_id: int) -> None:
        """Count a connection less; tell friends after the grace, unless the user is back."""
        counts: list[int] = []
        with self._turn:
            _try("presence_not_left", lambda: counts.append(presence.leave(self._relay_id, user_id)))
        if counts == [0] and user_id not in self._leaving:
            self._leaving.add(user_id)
            gevent.spawn_later(presence.GRACE, self._gone, user_id)

    def _gone(self, user_id: int) -> None:
        self._leaving.discard(user_id)
        self._left.add(user_id)

    def _welcome(self, arrived: list[tuple[str, int, bool]]) -> None:
        _try("not_welcomed", lambda: welcome.apply_async((self._relay_id, arrived)))

    @staticmethod
    def _announce_away(left: list[int]) -> None:
        def announce_those_away() -> None:
            if away := set(left) - presence.online(set(left)):
                announce.apply_async(tuple(away))

        _try("not_announced", announce_those_away)


def _try(event: str, call: Callable[[], Any]) -> None:
    try:
        call()
    except (RedisError, OperationalError, OSError) as error:
        log.debug(event, reason=str(error))  # the next report, or the next coming and going, puts it right
