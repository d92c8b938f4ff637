"""The Celery application, and the names of its tasks, by which `send` puts them in a queue.

`celery -A workers.app` runs them.
"""

from enum import StrEnum
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.exceptions import OperationalError
from kombu import Connection
from kombu.transport.redis import Transport as RedisTransport

from infra.redis import RedisError
from infra.task_transport import Transport

# What is raised when Redis does not answer, by our own client and by Celery's.
AWAY = (RedisError, OperationalError, OSError)


class Task(StrEnum):
    """The names of all tasks; the word before the dot is the queue: `outbox.drain` goes through `outbox`."""

    # workers/work.py
    WORK = "outbox.work"
    # workers/outbox.py and workers/delivered.py; sent by processes of 0.2.0 alone, and answered until the next release
    DRAIN = "outbox.drain"
    STORE_PROOFS = "delivered.store_proofs"
    # workers/backlog.py
    SEND_PAGES = "backlog.send_pages"
    # workers/presence.py
    WELCOME = "presence.welcome"
    ANNOUNCE = "presence.announce"
    # workers/friends.py
    TELL_NEWS = "presence.tell_news"
    TELL_PRESENCE = "presence.tell_presence"
    # workers/upkeep.py, sent by beat
    SWEEP = "upkeep.sweep"
    EXPIRE_PRESENCE = "upkeep.expire_presence"
    SNAPSHOT = "upkeep.snapshot"
    AUDIT = "upkeep.audit"
    EXPIRE_ROWS = "upkeep.expire_rows"
    LEAVE_GROUPS = "upkeep.leave_groups"
    # workers/retention.py, sent by beat
    RETAIN = "upkeep.retain"
    # workers/media.py and workers/media_upkeep.py, run by media workers; beat sends the second
    MAKE_THUMBNAIL = "media.make_thumbnail"
    CLEAN_MEDIA = "media.clean"


class _Connection(Connection):
    """A connection that tries Redis every second while it is away: kombu's pauses would grow to half a minute."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Any:
        return super().ensure_connection(*args, **kwargs | {"interval_start": 1, "interval_step": 0})

    def get_transport_cls(self) -> Any:
        found = super().get_transport_cls()
        return Transport if found is RedisTransport else found


class _Amqp(AMQP):
    Connection = _Connection


app = Celery("workers", amqp=_Amqp)
app.config_from_object("celeryconfig")


def send(task: Task, *args: object, summary: str | None = None) -> str:
    """Put a task in its queue. Returns its id there. Raises one of AWAY.

    Celery adds the arguments to the task a second time, as text for logs: give a `summary` where they are long.
    """
    # Celery sees only the name here, and cannot look up that nobody reads the result.
    return str(app.send_task(task.value, args, argsrepr=summary, ignore_result=True).id)
