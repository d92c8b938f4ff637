"""What the processes that run tasks share: their Celery application, their logs, and their memory."""

from typing import Any

from celery.signals import setup_logging, worker_before_create_process, worker_process_init

from db.preload import preload
from db.session import engine, reserved_engine
from infra import logs, memory
from infra.redis import client
from infra.tasks import app

__all__ = ["app"]


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
