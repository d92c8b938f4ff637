"""Tasks sent off the way: nobody waits for a Redis that does not answer."""

import threading
from typing import Any

from kombu.exceptions import OperationalError

from workers.soon import Sender

PATIENCE = 20.0


class Task:
    """Stands in for a task: sending it takes until `answering` is set, and may fail."""

    name = "a task"

    def __init__(self) -> None:
        self.answering = threading.Event()
        self.begun = threading.Semaphore(0)
        self.sent: list[tuple[Any, ...]] = []
        self.error: Exception | None = None

    def apply_async(self, args: tuple[Any, ...]) -> None:
        self.begun.release()
        assert self.answering.wait(PATIENCE)
        if self.error:
            raise self.error
        self.sent.append(args)


def test_nobody_waits_and_no_more_than_so_many_tasks_do() -> None:
    task, sender = Task(), Sender(most=2)
    sender.soon(task, 1)
    assert task.begun.acquire(timeout=PATIENCE)
    for number in (2, 3, 4, 5):
        sender.soon(task, number)
    task.answering.set()
    for _ in range(2):
        assert task.begun.acquire(timeout=PATIENCE)
    sender.soon(task, 6)
    assert task.begun.acquire(timeout=PATIENCE)
    assert task.sent[:3] == [(1,), (2,), (3,)]
    assert not task.begun.acquire(blocking=False), "the others were dropped"


def test_a_task_that_cannot_be_sent_holds_up_no_other() -> None:
    task, sender = Task(), Sender()
    task.error = OperationalError("away")
    task.answering.set()
    sender.soon(task, 1)
    assert task.begun.acquire(timeout=PATIENCE)
    sender.soon(task, 2)
    assert task.begun.acquire(timeout=PATIENCE)
