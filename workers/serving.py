"""What a worker serves on METRICS_BIND. Its parent process serves, for the children that run the tasks."""

from typing import Any

from celery.signals import worker_ready, worker_shutting_down

from db.readiness import database_answers
from infra import exposition, readiness
from infra.readiness import Part
from infra.snapshot import State
from infra.storage.answers import storage_answers

_consuming = False


def begin(kind: str, *, with_beat: bool) -> None:
    """Serve the metrics and the readiness of a worker of this kind: "worker" or "media". `with_beat` adds beat's."""
    worker_ready.connect(_ready)
    worker_shutting_down.connect(_ending)
    parts = [
        Part("queues", _takes_tasks),
        Part("database", database_answers),
        Part("Redis", readiness.redis_answers),
        *([Part("storage", storage_answers)] if kind == "media" else []),
    ]
    exposition.serve(kind, readiness.application(parts), *([State()] if with_beat else []))


def _takes_tasks() -> str:
    return "" if _consuming else "no task is taken, since this process starts or ends"


def _ready(**_: Any) -> None:
    global _consuming
    _consuming = True


def _ending(**_: Any) -> None:
    global _consuming
    _consuming = False
