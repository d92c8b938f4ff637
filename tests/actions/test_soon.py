"""Tests that tasks are sent in the background: no caller waits for a Redis that does not answer."""

import threading

from kombu.exceptions import OperationalError

from actions.soon import Sender
from infra.tasks import Task

PATIENCE = 20.0


class Queue:
    """Replaces Celery: `send` waits until `answering` is set, and then raises `error` if there is one."""

    def __init__(self) -> None:
        self.answering = threading.Event()
        self.begun = threading.Semaphore(0)
        self.sent: list[tuple[int, ...]] = []
        self.error: Exception | None = None

    def send(self, _task: Task, *args: int) -> None:
        self.begun.release()
        assert self.answering.wait(PATIENCE)
        if self.error:
            raise self.error
        self.sent.append(args)


def test_nobody_waits_and_no_more_than_so_many_tasks_do() -> None:
    queue = Queue()
    sender = Sender(queue.send, most=2)
    sender.soon(Task.TELL_NEWS, 1)
    assert queue.begun.acquire(timeout=PATIENCE)
    for number in (2, 3, 4, 5):
        sender.soon(Task.TELL_NEWS, number)
    queue.answering.set()
    for _ in range(2):
        assert queue.begun.acquire(timeout=PATIENCE)
    sender.soon(Task.TELL_NEWS, 6)
    assert queue.begun.acquire(timeout=PATIENCE)
    assert queue.sent[:3] == [(1,), (2,), (3,)]
    assert not queue.begun.acquire(blocking=False), "the others were dropped"


def test_a_task_that_cannot_be_sent_holds_up_no_other() -> None:
    queue = Queue()
    sender = Sender(queue.send)
    queue.error = OperationalError("away")
    queue.answering.set()
    sender.soon(Task.TELL_NEWS, 1)
    assert queue.begun.acquire(timeout=PATIENCE)
    sender.soon(Task.TELL_NEWS, 2)
    assert queue.begun.acquire(timeout=PATIENCE)
