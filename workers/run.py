"""The process that runs tasks: `python -m workers.run`, with `--help` for its options.

It does what `celery -A workers.app worker --without-mingle --without-gossip` does, without Celery's command line, whose
prompt and colours would stay in the memory of every process.
"""

import sys
from argparse import ArgumentParser, ArgumentTypeError

from celery.utils.nodenames import default_nodename, host_format

from infra import metric_files

metric_files.begin()  # before anything imports prometheus-client

from workers import serving  # noqa: E402
from workers.app import app  # noqa: E402

_QUEUES = {queue.name for queue in app.conf.task_queues}


def main() -> None:
    """Run tasks until SIGTERM or SIGINT. Exits with Celery's code."""
    parser = ArgumentParser(prog="python -m workers.run")
    parser.add_argument("--beat", action="store_true", help="start the upkeep too, for a deployment on one machine")
    parser.add_argument("--quiet", action="store_true", help="print no banner")
    parser.add_argument(
        "--queues",
        type=_queues,
        default=sorted(_QUEUES - {"media"}),
        help="what it works on, separated by commas, or all; by default all but media, whose tasks take seconds",
    )
    parser.add_argument("--concurrency", type=int, help="how many processes run tasks; 2 by default")
    parser.add_argument("--hostname", help="the worker's name: workers of one machine need different ones")
    chosen = parser.parse_args()
    sys.argv[:1] = ["-m", "workers.run"]  # with which Celery starts Python again on SIGHUP
    serving.begin("media" if chosen.queues == ["media"] else "worker", with_beat=chosen.beat)
    worker = app.Worker(
        hostname=host_format(default_nodename(chosen.hostname)),
        concurrency=chosen.concurrency,
        beat=chosen.beat,
        queues=chosen.queues,
        quiet=chosen.quiet,
        without_mingle=True,
        without_gossip=True,
    )
    worker.start()
    sys.exit(worker.exitcode)


def _queues(names: str) -> list[str]:
    """Returns the queues that the argument names. Raises ArgumentTypeError for one that does not exist."""
    chosen = _QUEUES if names == "all" else set(names.split(","))
    if unknown := chosen - _QUEUES:
        raise ArgumentTypeError(f"no queue is called {min(unknown)!r}; there are {', '.join(sorted(_QUEUES))}")
    return sorted(chosen)


if __name__ == "__main__":
    main()
