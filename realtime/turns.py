"""Whose turn it is to be sent a page of backlog: a user's connections get theirs one after the other.

All at once they would fill what Redis holds for a relay, and take its link away from everybody.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from realtime.backlog import ASK_AGAIN_SECONDS
from workers.backlog import Request


@dataclass(slots=True)
class _User:
    """The request that is being answered, since when, and those that wait for its answer."""

    asked: Request
    at: float
    waiting: dict[str, Request]  # connection id → request


class Turns:
    """Calls `ask(request)` for one request of a user at a time.

    An answer may be lost: after a while the next who asks need not wait for it.
    """

    def __init__(self, ask: Callable[[Request], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._users: dict[int, _User] = {}

    def add(self, request: Request) -> None:
        """Have a page asked for, now or in its turn. A newer request of a connection takes the place of its older."""
        connection_id, _, user_id, _ = request
        user = self._users.get(user_id)
        if user is None:
            self._users[user_id] = _User(request, self._clock(), {})
            self._ask(request)
        elif user.asked[0] == connection_id or self._clock() - user.at > ASK_AGAIN_SECONDS:
            self._turn(user, request)
        else:
            user.waiting[connection_id] = request

    def answered(self, user_id: int, connection_id: str, serial: int) -> None:
        """A page has come."""
        user = self._users.get(user_id)
        if user and user.asked[:2] == (connection_id, serial):
            self._next(user_id, user)

    def gone(self, user_id: int, connection_id: str) -> None:
        """A connection needs no page any more."""
        user = self._users.get(user_id)
        if user:
            user.waiting.pop(connection_id, None)
            if user.asked[0] == connection_id:
                self._next(user_id, user)

    def _next(self, user_id: int, user: _User) -> None:
        if user.waiting:
            self._turn(user, next(iter(user.waiting.values())))
        else:
            del self._users[user_id]

    def _turn(self, user: _User, request: Request) -> None:
        user.waiting.pop(request[0], None)
        user.asked, user.at = request, self._clock()
        self._ask(request)
