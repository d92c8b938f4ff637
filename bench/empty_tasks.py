"""The baseline of a drain: a task that does nothing, in the workers' own application with their settings."""

from kombu import Queue

from workers.app import app

QUEUE = "bench"

app.conf.task_queues = [*app.conf.task_queues, Queue(QUEUE)]


@app.task(name="bench.nothing")
def nothing(_number: int) -> None:
    """Do nothing."""


def publish(count: int) -> None:
    """Put that many empty tasks into the queue."""
    for number in range(count):
        nothing.apply_async((number,), queue=QUEUE)
