"""The row `drain`: how fast a worker drains stored messages, against how fast it runs empty tasks."""

import time

from bench import people
from bench.figures import Row, interleaved, row
from bench.site import PEOPLE, Site
from infra.redis import client
from tests.processes import Process, wait_until

_EACH = 4  # messages of each of the 5,000 conversations
_TASKS = 3_000


def measure(site: Site) -> list[Row]:
    """Returns the row `drain`."""
    with site.other_worker("bench.empty_tasks", "bench") as empty:
        empty.freeze()  # an idle worker polls Redis all the time
        rounds = interleaved(lambda: _events(site), lambda: _empty_tasks(empty))
    return [
        row(
            "drain",
            "events/s",
            rounds,
            measured="messages put on both users' conversation rows and published, 20,000 over 5,000 conversations",
            compared="empty Celery tasks/s; both by a worker of two processes",
        )
    ]


def _events(site: Site) -> float:
    from actions import work  # imported late: it reads the settings, which are there by now

    pairs = people.friends(**PEOPLE)
    site.worker.freeze()
    site.bulk.messages(pairs, _EACH, events=True)
    work.resume(range(16))
    began = time.monotonic_ns()
    site.worker.thaw()
    return len(pairs) * _EACH / (site.wait_drained() - began) * 1e9


def _empty_tasks(worker: Process) -> float:
    from bench import empty_tasks

    empty_tasks.publish(_TASKS)
    began = time.monotonic()
    worker.thaw()
    wait_until(lambda: not client().exists(empty_tasks.QUEUE), "the empty tasks to be done")
    took = time.monotonic() - began
    worker.freeze()
    return _TASKS / took
