"""Every Celery setting, each with its reason. Tasks are only pokes; the truth is in the database."""

import time
from datetime import UTC, datetime, timedelta

from celery.schedules import schedule
from kombu import Queue

from infra.settings import settings

broker_url = settings().redis_url

# A result that nobody reads costs a write in Redis for every task.
task_ignore_result = True
result_backend = None

# Queues on the default exchange: FLUSHALL removes the bindings of any other, and tasks would vanish without an error.
# Several, because kombu takes from queues in turn: a storm of reconnecting users cannot hold up the outbox.
# `delivered` is for relays of 0.2.0 alone. Media workers alone take from `media`, whose tasks take seconds.
task_queues = [Queue(name) for name in ("outbox", "delivered", "backlog", "presence", "upkeep", "media")]
task_default_queue = "upkeep"
task_routes = {
    "outbox.*": {"queue": "outbox"},
    "delivered.*": {"queue": "delivered"},
    "backlog.*": {"queue": "backlog"},
    "presence.*": {"queue": "presence"},
    "upkeep.*": {"queue": "upkeep"},
    "media.*": {"queue": "media"},
}
imports = (
    "workers.work",
    "workers.outbox",
    "workers.delivered",
    "workers.backlog",
    "workers.presence",
    "workers.friends",
    "workers.upkeep",
    "workers.retention",
    "workers.media",
    "workers.media_upkeep",
)

# Tasks hold ids and numbers only, and no format that could run code when it is read.
task_serializer = "json"
accept_content = ["json"]

# The sweep, the relay's repetition or the next request makes up for a lost task, so a task leaves the queue at once;
# a task that runs twice does no harm either.
task_acks_late = False
# Short tasks: fetching a few ahead saves round trips, fetching many would leave a killed worker's share waiting.
worker_prefetch_multiplier = 4
worker_concurrency = 2
# On SIGTERM a worker finishes its current task; a stuck task is killed after a minute. A drain that is merely long
# hands over to another task after a second; its last batch, and each of two transactions of proofs, may wait 20 s for
# locks.
task_time_limit = 60

# A sender of tasks must not wait for a Redis that is away: pokes are not retried, the sweep makes up for them.
task_publish_retry = False
broker_transport_options = {
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    # Seconds until the tasks that a killed worker had taken go to another, and how often kombu looks for them: at its
    # defaults a redelivery takes over a minute longer than the visibility timeout.
    "visibility_timeout": 60,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
# Workers reconnect within seconds of Redis's return, however long it was away.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# Nothing here listens to events or remote control.
worker_send_task_events = False
worker_enable_remote_control = False
worker_hijack_root_logger = False

# The schedule lives in memory: a shelve file corrupts when beat is killed, and every job may run at any time.
beat_scheduler = "celery.beat:Scheduler"
beat_max_loop_interval = 1


def _uptime() -> datetime:
    """Returns a time by the monotonic clock: a wall clock that steps back would stop the sweep for as long."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=time.monotonic())


def _every(seconds: float) -> schedule:
    return schedule(seconds, nowfun=_uptime)


beat_schedule = {
    "sweep": {"task": "upkeep.sweep", "schedule": _every(1)},
    "presence": {"task": "upkeep.expire_presence", "schedule": _every(5)},
    "snapshot": {"task": "upkeep.snapshot", "schedule": _every(10)},
    "audit": {"task": "upkeep.audit", "schedule": _every(6)},
    "expire": {"task": "upkeep.expire_rows", "schedule": _every(60)},
    "retention": {"task": "upkeep.retain", "schedule": _every(10)},
    "leave groups": {"task": "upkeep.leave_groups", "schedule": _every(60)},
    "media": {"task": "media.clean", "schedule": _every(60)},
}
timezone = "UTC"
