"""The steps of a connection's messages that the log tells: written to the socket, and answered for by the device."""

import time

import gevent

from infra import logs, trace
from infra.trace import Traced

log = logs.get(__name__)

_MOST = 1_000  # messages that are remembered in each step; of more the log tells no more


class Way:
    """The messages of one connection whose way is told, from the queue to the device's answer."""

    def __init__(self, *, connection_id: str, user_id: int) -> None:
        self._began = 0.0  # when the first of `_unwritten` was queued, in Unix seconds
        self._ids: dict[str, str | int] = {"connection_id": connection_id, "user_id": user_id}
        self._unwritten: list[Traced] = []
        self._unasked: list[tuple[str, Traced]] = []  # with their conversations
        self._asked: list[tuple[str, Traced]] = []

    def pushed(self, conversation_id: str, traced: Traced | None, *, proves: bool) -> None:
        """Note that a message is queued; None for one whose way is not told. `proves`: the device answers for it."""
        if traced is None:
            return
        if not self._unwritten:
            self._began = time.time()
        if len(self._unwritten) < _MOST:
            self._unwritten.append(traced)
        if proves and len(self._unasked) < _MOST:
            self._unasked.append((conversation_id, traced))

    def written(self) -> None:
        """Log that the kernel has taken all that was queued. It may be called where nothing may wait."""
        if self._unwritten:
            gevent.spawn(trace.tell, log, "pushed", self._unwritten, began=self._began, **self._ids)
            self._unwritten = []

    def asked(self) -> None:
        """Note that a ping goes behind what is queued, and that what was asked before will not be answered."""
        if self._unasked or self._asked:
            self._asked, self._unasked = self._unasked, []

    def answered(self) -> dict[str, list[Traced]]:
        """Returns the messages before the last ping, by conversation: the device has answered it."""
        found: dict[str, list[Traced]] = {}
        for name, traced in self._asked:
            found.setdefault(name, []).append(traced)
        self._asked = []
        return found
