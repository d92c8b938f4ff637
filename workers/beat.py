"""The process that starts the upkeep: `python -m workers.beat`.

It sends tasks by their names and runs none: neither the tasks are loaded nor what they need.
"""

import time
from typing import Any

from celery.signals import after_task_publish, setup_logging

from infra import exposition, logs, readiness
from infra.readiness import Part
from infra.settings import settings
from infra.snapshot import State
from infra.tasks import app


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


STALLED_SECONDS = 10.0  # the sweep is due every second

_latest = time.monotonic()


@after_task_publish.connect
def _sent(**_: Any) -> None:
    global _latest
    _latest = time.monotonic()


def _sends_tasks() -> str:
    """Returns what is wrong with the schedule, and what to do."""
    seconds = time.monotonic() - _latest
    return (
        f"no task was sent for {seconds:.0f} s; if Redis answers, restart the process"
        if seconds > STALLED_SECONDS
        else ""
    )


def main() -> None:
    """Send the tasks of `celeryconfig.beat_schedule` until SIGTERM or SIGINT."""
    app.conf.imports = ()
    parts = [Part("schedule", _sends_tasks), Part("Redis", readiness.redis_answers)]
    if settings().canary_users:
        from workers.canary import watch

        parts.append(Part("canary", watch().fault))
    exposition.serve("beat", readiness.application(parts), State())
    app.Beat().run()


if __name__ == "__main__":
    main()
