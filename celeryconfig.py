"""Every Celery setting, each with its reason. Tasks carry pokes; the database carries the truth."""

import time
from datetime import UTC, datetime, timedelta

from celery.schedules import schedule
from kombu import Queue

from infra.settings import settings

broker_url = settings().redis_url

# A result that nobody reads costs a write in Redis for every task.
task_ignore_result = True
result_backend = None

# Queues on the default exchange: FLUSHALL removes the bindings of any other, and tasks would vanish without a word.
# Several, because kombu takes from queues in turn: a storm of reconnecting users cannot hold up the outbox.
task_queues = [Queue(name) for name in ("outbox", "delivered", "backlog", "presence", "upkeep")]
task_default_queue = "upkeep"
task_routes = {
    "outbox.*": {"queue": "outbox"},
    "delivered.*": {"queue": "delivered"},
    "backlog.*": {"queue": "backlog"},
    "presence.*": {"queue": "presence"},
    "upkeep.*": {"queue": "upkeep"},
}
imports = (
    "workers.outbox",
    "workers.delivered",
    "workers.backlog",
    "workers.presence",
    "workers.friends",
    "workers.upkeep",
)

# Ids and numbers only; nothing that could run code when read.
task_serializer = "json"
accept_content = ["json"]

# A lost task is made good by the sweep, the relay's repetition or the next request, so it is taken off the queue at
# once; a task that runs twice does no harm either.
task_acks_late = False
# Short tasks: fetching a few ahead saves round trips, fetching many would leave a killed worker's share waiting.
worker_prefetch_multiplier = 4
worker_concurrency = 2
# A worker that is told to end finishes the task in hand; a stuck one is ended after a minute. A drain that is merely
# long hands over to another task after 20 s, and its last batch may wait 20 s for locks and as long for Redis.
task_time_limit = 60

# Whoever publishes must not wait for a Redis that is away: pokes are not retried, the sweep stands in for them.
task_publish_retry = False
broker_transport_options = {
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    # Seconds until what a killed worker had taken is given to another, and how often that is looked for: at kombu's
    # defaults a redelivery takes over a minute longer than the visibility timeout.
    "visibility_timeout": 60,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
# Come back within seconds of Redis coming back, however long it was away.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# Events and remote control are chatter that nobody here listens to.
worker_send_task_events = False
worker_enable_remote_control = False
worker_hijack_root_logger = False

# The schedule lives in memory: a shelve file corrupts when beat is killed, and every job may run at any time.
beat_scheduler = "celery.beat:Scheduler"
beat_max_loop_interval = 1


def _uptime() -> datetime:
    """Returns a time that goes on as seconds do. A wall clock that steps back would stop the sweep for as long."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=time.monotonic())


def _every(seconds: float) -> schedule:
    return schedule(seconds, nowfun=_uptime)


beat_schedule = {
    "sweep": {"task": "upkeep.sweep", "schedule": _every(1)},
    "presence": {"task": "upkeep.expire_presence", "schedule": _every(5)},
    "snapshot": {"task": "upkeep.snapshot", "schedule": _every(10)},
    "audit": {"task": "upkeep.audit", "schedule": _every(60)},
    "expire": {"task": "upkeep.expire_rows", "schedule": _every(60)},
}
timezone = "UTC"
