"""The process that starts the upkeep: `python -m workers.beat`.

It sends tasks by their names and runs none: neither the tasks are loaded nor what they need.
"""

from typing import Any

from celery.signals import setup_logging

from infra import logs
from infra.tasks import app


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


def main() -> None:
    """Send the tasks of `celeryconfig.beat_schedule` until SIGTERM or SIGINT."""
    app.conf.imports = ()
    app.Beat().run()


if __name__ == "__main__":
    main()
