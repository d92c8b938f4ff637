"""Requests to workers for pages of backlog: a user's connections get their pages one after the other.

All at once, the pages would fill the buffer that Redis keeps for the relay, and Redis would cut the relay off.
Requests of different users within 10 ms go in one task.
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
_GATHER_SECONDS = 0.01  # a task for each request would be most of the work when thousands connect


@dataclass(slots=True)
class _User:
    """The request sent for a user, when it was sent, and the requests that wait for its answer."""

    asked: Request
    at: float
    waiting: dict[str, Request]  # connection id → request


class Pages:
    """The requests of one relay's connections. `run` has to run for any to be sent.

    A request or its answer may be lost: after ASK_AGAIN_SECONDS, another connection's request no longer waits for it.
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
        """Send a request, now or in its turn. A connection's newer request replaces its older one."""
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
        """Send the user's next request, if this page answers the one sent."""
        user = self._users.get(user_id)
        if user and user.asked[:2] == (connection_id, serial):
            self._next(user_id, user)

    def gone(self, user_id: int, connection_id: str) -> None:
        """Drop the requests of a closed connection, and send the user's next one if it was its turn."""
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
            log.warning("backlog_not_asked", reason=str(error))  # each connection asks again after a while
