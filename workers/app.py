"""What the processes that run tasks share: their Celery application, their logs, and their memory."""

import time
from typing import Any

from celery.signals import (
    setup_logging,
    task_failure,
    task_postrun,
    task_prerun,
    worker_before_create_process,
    worker_process_init,
)

from db.preload import preload
from db.session import engine, reserved_engine
from infra import logs, memory, trace
from infra.metrics import task_seconds, tasks
from infra.redis import client
from infra.tasks import app

__all__ = ["app"]

_begun = 0.0  # of the task that this process runs: it runs one at a time
_failed = False


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


@worker_before_create_process.connect
def _share_memory(**_: Any) -> None:
    """Load in the parent what every child needs. A gRPC client is not among it: it would not survive the fork."""
    preload()
    memory.settle()


@worker_process_init.connect
def _own_connections(**_: Any) -> None:
    """Forget the parent's connections: the answers on a socket shared over a fork would get mixed up."""
    engine.cache_clear()
    reserved_engine.cache_clear()
    client.cache_clear()


@task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    global _begun, _failed
    trace.work(task_id=task_id, task=task.name)
    _begun, _failed = time.perf_counter(), False


@task_failure.connect
def _fail(**_: Any) -> None:
    global _failed
    _failed = True


@task_postrun.connect
def _count(task: Any, **_: Any) -> None:
    tasks.labels(task.name, "failed" if _failed else "done").inc()
    task_seconds.labels(task.name).observe(time.perf_counter() - _begun)
