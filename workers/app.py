"""The processes that run tasks: `celery -A workers.app worker`, `celery -A workers.app beat`."""

from typing import Any

from celery.signals import setup_logging, worker_process_init

from db.session import engine, reserved_engine
from infra import logs
from infra.redis import client
from infra.tasks import app

__all__ = ["app"]


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


@worker_process_init.connect
def _own_connections(**_: Any) -> None:
    """Forget the parent's connections: the answers on a socket shared over a fork would get mixed up."""
    engine.cache_clear()
    reserved_engine.cache_clear()
    client.cache_clear()
