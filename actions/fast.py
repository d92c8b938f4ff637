"""The fast path: the process that has stored a message publishes it at once, ahead of the workers.

It promises nothing: the outbox does. What finds the queue full, is over a second late, or meets a Redis that does not
answer in time is dropped and counted, and the worker's note brings it. No caller ever waits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from infra import bus, channels, logs, loops
from infra.metrics import fast_messages
from infra.notes import FastMessage, Note
from infra.redis import RedisError, hasty_client
from messaging.frame import frame

log = logs.get(__name__)

_MOST_WAITING = 1_000
_MOST_BYTES = 2 * 1024 * 1024  # of frames
_LATE_SECONDS = 1.0  # the worker's note is on its way, and a text should not come long after its recall
_PAUSE_SECONDS = 1.0
_IDLE_SECONDS = 5.0

Published = list[tuple[str, Note]]  # channels and notes


class FastPath:
    """A background thread with a bounded queue of messages to publish by `publish`, all that wait in one trip."""

    def __init__(
        self,
        publish: Callable[[Published], None],
        *,
        most: int = _MOST_WAITING,
        most_bytes: int = _MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._publish = publish
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[tuple[float, int, FastMessage]] = deque()  # when it came, the recipient, the note
        self._bytes = 0
        self._changed = threading.Condition()
        self._started = False

    def hand_over(self, message: dict[str, Any]) -> None:
        """Have a stored message published to its sender and its recipient. Returns at once, whatever Redis does."""
        text = frame("new_message", message)
        note = FastMessage(message["conversation_id"], message["seq"], message["from_user_id"], text)
        with self._changed:
            if len(self._waiting) >= self._most or self._bytes + len(text) > self._most_bytes:
                fast_messages.labels("full").inc()
                return
            self._waiting.append((self._clock(), message["to_user_id"], note))
            self._bytes += len(text)
            if not self._started:  # in the process that uses it: a thread does not survive the server's fork
                args = ("fast_path", self._turn)
                threading.Thread(target=loops.forever, args=args, name="fast_path", daemon=True).start()
                self._started = True
            self._changed.notify()

    def _turn(self) -> None:
        """Publish what waits, or wait for something: a turn does one or the other."""
        waiting = self._taken()
        since = self._clock() - _LATE_SECONDS
        fresh = [(to_user_id, note) for came, to_user_id, note in waiting if came >= since]
        fast_messages.labels("late").inc(len(waiting) - len(fresh))
        if not fresh:
            return
        try:
            self._publish(list(_addressed(fresh)))
        except (RedisError, OSError) as error:
            fast_messages.labels("failed").inc(len(fresh) + len(self._taken(wait=False)))
            log.warning("fast_path_failed", reason=str(error))
            self._sleep(_PAUSE_SECONDS)
        else:
            fast_messages.labels("published").inc(len(fresh))

    def _taken(self, *, wait: bool = True) -> list[tuple[float, int, FastMessage]]:
        with self._changed:
            if wait and not self._waiting:
                self._changed.wait(_IDLE_SECONDS)
            taken = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            return taken


def _addressed(messages: Iterable[tuple[int, FastMessage]]) -> Iterable[tuple[str, Note]]:
    for to_user_id, note in messages:
        yield channels.of_user(note.from_user_id), note
        yield channels.of_user(to_user_id), note


publish_fast = FastPath(partial(bus.publish, client=hasty_client)).hand_over
