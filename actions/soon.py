"""Sending tasks in the background, so that no caller waits for Redis: only for tasks that may be lost."""

import queue
import threading
from collections.abc import Callable

from infra import logs, tasks
from infra.loops import forever
from infra.tasks import AWAY, Task

log = logs.get(__name__)

_MOST_WAITING = 1_000
_TURN_SECONDS = 1.0


class Sender:
    """A background thread with a bounded queue of tasks to send by `send(task, *args)`."""

    def __init__(self, send: Callable[..., object], *, most: int = _MOST_WAITING) -> None:
        self._send = send
        self._waiting: queue.Queue[tuple[Task, tuple[object, ...]]] = queue.Queue(most)
        self._starting = threading.Lock()
        self._started = False

    def soon(self, task: Task, *args: object) -> None:
        """Have a task sent. Returns at once; the task is lost while Redis is away, or when `most` wait already."""
        self._start()
        try:
            self._waiting.put_nowait((task, args))
        except queue.Full:
            log.warning("task_not_sent", task=task, reason="too many wait")

    def _start(self) -> None:
        """Start the thread, once, in the process that uses it: a thread does not survive the server's fork."""
        with self._starting:
            if not self._started:
                threading.Thread(target=forever, args=("sender", self._step), name="sender", daemon=True).start()
                self._started = True

    def _step(self) -> None:
        try:
            task, args = self._waiting.get(timeout=_TURN_SECONDS)
        except queue.Empty:
            return
        try:
            self._send(task, *args)
        except AWAY as error:
            log.warning("task_not_sent", task=task, reason=str(error))


soon = Sender(tasks.send).soon
