"""The fast path: the process that has stored a message publishes it at once, ahead of the workers.

It promises nothing: the outbox does. What finds the queue full, is over a second late, or meets a Redis that does not
answer in time is dropped and counted, and the worker's note brings it. No caller ever waits.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from infra import bus, channels, logs, loops
from infra.metrics import fast_messages
from infra.notes import FastGroupMessage, FastMessage, Note
from infra.redis import RedisError, hasty_client
from messaging.conversation_id import group_of
from messaging.frame import frame

log = logs.get(__name__)

_MOST_WAITING = 1_000
_MOST_BYTES = 2 * 1024 * 1024  # of frames
_LATE_SECONDS = 1.0  # the worker's note is on its way, and a text should not come long after its recall
_PAUSE_SECONDS = 1.0
_IDLE_SECONDS = 5.0

Published = list[tuple[str, Note]]  # channels and notes
_Channels = list[str]
_Fast = FastMessage | FastGroupMessage


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
        self._waiting: deque[tuple[float, _Channels, _Fast]] = deque()  # when it came, and where to publish it
        self._bytes = 0
        self._changed = threading.Condition()
        self._started = False

    def hand_over(self, message: dict[str, Any], members_seq: int = 0) -> None:
        """Have a stored message published to its sender and its recipient, or to its group.

        `members_seq` is the group's (messaging.send.Sent). Returns at once, whatever Redis does.
        """
        text = frame("new_message", message)
        to, note = _addressed(message, members_seq, text)
        with self._changed:
            if len(self._waiting) >= self._most or self._bytes + len(text) > self._most_bytes:
                fast_messages.labels("full").inc()
                return
            self._waiting.append((self._clock(), to, note))
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
        fresh = [(to, note) for came, to, note in waiting if came >= since]
        fast_messages.labels("late").inc(len(waiting) - len(fresh))
        if not fresh:
            return
        try:
            self._publish([(channel, note) for to, note in fresh for channel in to])
        except (RedisError, OSError) as error:
            fast_messages.labels("failed").inc(len(fresh) + len(self._taken(wait=False)))
            log.warning("fast_path_failed", reason=str(error))
            self._sleep(_PAUSE_SECONDS)
        else:
            fast_messages.labels("published").inc(len(fresh))

    def _taken(self, *, wait: bool = True) -> list[tuple[float, _Channels, _Fast]]:
        with self._changed:
            if wait and not self._waiting:
                self._changed.wait(_IDLE_SECONDS)
            taken = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            return taken


def _addressed(message: dict[str, Any], members_seq: int, text: bytes) -> tuple[_Channels, _Fast]:
    name, seq, from_user_id = message["conversation_id"], message["seq"], message["from_user_id"]
    if group_of(name) is not None:
        return [channels.of_group(name)], FastGroupMessage(name, seq, from_user_id, members_seq, text)
    both = [channels.of_user(from_user_id), channels.of_user(message["to_user_id"])]
    return both, FastMessage(name, seq, from_user_id, text)


publish_fast = FastPath(partial(bus.publish, client=hasty_client)).hand_over
