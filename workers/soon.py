"""Sending tasks off the way of whoever asks for them: what they carry may be lost, and nobody may wait for Redis."""

import queue
import threading
from typing import Any, Protocol

from infra import logs
from infra.loops import forever
from workers.app import AWAY

log = logs.get(__name__)

_MOST_WAITING = 1_000
_TURN_SECONDS = 1.0


class Task(Protocol):
    """What Sender needs of a Celery task."""

    @property
    def name(self) -> str: ...

    def apply_async(self, args: tuple[Any, ...]) -> object: ...


class Sender:
    """A background thread with a bounded queue of tasks to send."""

    def __init__(self, *, most: int = _MOST_WAITING) -> None:
        self._waiting: queue.Queue[tuple[Task, tuple[Any, ...]]] = queue.Queue(most)
        self._starting = threading.Lock()
        self._started = False

    def soon(self, task: Task, *args: Any) -> None:
        """Have a task sent. Returns at once; the task is lost while Redis is away, or when too many wait."""
        self._start()
        try:
            self._waiting.put_nowait((task, args))
        except queue.Full:
            log.warning("task_not_sent", task=task.name, reason="too many wait")

    def _start(self) -> None:
        """In the process that uses it: a thread does not survive the server's fork."""
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
            task.apply_async(args)
        except AWAY as error:
            log.warning("task_not_sent", task=task.name, reason=str(error))


soon = Sender().soon
