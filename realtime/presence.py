"""A user comes and goes: counted in Redis, told to his friends by a worker, with grace for who comes straight back."""

from collections.abc import Callable
from typing import Any

import gevent
from celery.exceptions import OperationalError

from infra import logs, presence
from infra.redis import RedisError
from workers.presence import announce, greet

log = logs.get(__name__)


class Presence:
    """The comings and goings at one relay. While Redis is away nobody is told anything, and nothing else suffers."""

    def __init__(self, relay_id: str) -> None:
        self._relay_id = relay_id
        self._leaving: set[int] = set()  # within their grace

    def came(self, user_id: int) -> int:
        """Count a connection; how many the user has on all relays, 0 when nobody can tell."""
        counts: list[int] = []
        _try("presence_not_counted", lambda: counts.append(presence.join(self._relay_id, user_id)))
        return counts[0] if counts else 0

    def welcome(self, user_id: int, connection_id: str, *, first: bool) -> None:
        """Have a new connection told who is there, and friends told of a user who was away."""
        _try("not_greeted", lambda: greet.apply_async((self._relay_id, connection_id, user_id)))
        if first and user_id not in self._leaving:
            _try("not_announced", lambda: announce.apply_async((user_id,)))

    def left(self, user_id: int) -> None:
        """Count a connection less; tell friends after the grace, unless the user is back."""
        counts: list[int] = []
        _try("presence_not_left", lambda: counts.append(presence.leave(self._relay_id, user_id)))
        if counts == [0] and user_id not in self._leaving:
            self._leaving.add(user_id)
            gevent.spawn_later(presence.GRACE, self._gone, user_id)

    def _gone(self, user_id: int) -> None:
        self._leaving.discard(user_id)
        _try("not_announced", lambda: self._announce_if_away(user_id))

    @staticmethod
    def _announce_if_away(user_id: int) -> None:
        if not presence.online([user_id]):
            announce.apply_async((user_id,))


def _try(event: str, call: Callable[[], Any]) -> None:
    try:
        call()
    except (RedisError, OperationalError, OSError) as error:
        log.debug(event, reason=str(error))  # the next report, or the next coming and going, puts it right
