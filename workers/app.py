"""The Celery application: `celery -A workers.app worker`, `celery -A workers.app beat`."""

from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.exceptions import OperationalError
from celery.signals import setup_logging, worker_process_init
from kombu import Connection
from kombu.transport.redis import Transport as RedisTransport

from db.session import engine, reserved_engine
from infra import logs
from infra.redis import RedisError, client
from workers.transport import Transport

# What comes of a Redis that does not answer: by its own client, and by Celery's.
AWAY = (RedisError, OperationalError, OSError)


class _Connection(Connection):
    """Tries Redis every second while it is away: kombu's pauses would grow to half a minute."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().ensure_connection(*args, **kwargs | {"interval_start": 1, "interval_step": 0})

    def get_transport_cls(self) -> Any:
        found = super().get_transport_cls()
        return Transport if found is RedisTransport else found


class _Amqp(AMQP):
    Connection = _Connection


app = Celery("workers", amqp=_Amqp)
app.config_from_object("celeryconfig")


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    logs.configure()


@worker_process_init.connect
def _own_connections(**_: Any) -> None:
    """A connection shared with the parent over a fork would mix two conversations."""
    engine.cache_clear()
    reserved_engine.cache_clear()
    client.cache_clear()
