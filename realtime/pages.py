"""Asking workers for pages of backlog: a user's connections get theirs one after the other.

All at once they would fill what Redis holds for a relay, and take its link away from everybody. What different users
ask for within a moment goes in one task.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from infra import logs
from infra.tasks import AWAY, Task, send
from realtime.batches import Batches
from workers.backlog import Request

log = logs.get(__name__)

ASK_AGAIN_SECONDS = 5.0
_GATHER_SECONDS = 0.01  # a task for each would be most of the work when thousands connect


@dataclass(slots=True)
class _User:
    """The request that is being answered, since when, and those that wait for its answer."""

    asked: Request
    at: float
    waiting: dict[str, Request]  # connection id → request


class Pages:
    """The requests of one relay's connections. `run` has to run for any to be sent.

    A request or its answer may be lost: after ASK_AGAIN_SECONDS the next who asks need not wait for it.
    """

    def __init__(
        self,
        relay_id: str,
        *,
        send_task: Callable[..., object] = send,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._relay_id = relay_id
        self._send_task = send_task
        self._clock = clock
        self._users: dict[int, _User] = {}
        self._due: Batches[Request] = Batches("backlog_requests", self._send, gather=_GATHER_SECONDS)
        self.run = self._due.run

    def ask(self, request: Request) -> None:
        """Have a page asked for, now or in its turn. A newer request of a connection takes the place of its older."""
        connection_id, _, user_id, _ = request
        user = self._users.get(user_id)
        if user is None:
            self._users[user_id] = _User(request, self._clock(), {})
            self._due.add(request)
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
        self._due.add(request)

    def _send(self, requests: list[Request]) -> None:
        try:
            self._send_task(Task.SEND_PAGES, self._relay_id, requests)
        except AWAY as error:
            log.warning("backlog_not_asked", reason=str(error))  # each connection asks again
