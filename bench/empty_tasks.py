"""What a drain is compared with: the workers' own application and settings, with a task that does nothing."""

from kombu import Queue

from workers.app import app

QUEUE = "bench"

app.conf.task_queues = [*app.conf.task_queues, Queue(QUEUE)]


@app.task(name="bench.nothing")
def nothing(_number: int) -> None:
    """Nothing."""


def publish(count: int) -> None:
    """Put that many into the queue."""
    for number in range(count):
        nothing.apply_async((number,), queue=QUEUE)
