"""The task by which messages go that RETENTION_SECONDS and RETENTION_DELETED_SECONDS no longer keep; beat sends it."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from db.errors import DatabaseUnavailable
from db.session import read, write
from infra import logs
from infra.metrics import retention_removed
from infra.redis import client
from infra.settings import settings
from infra.tasks import Task, app
from messaging import retention

log = logs.get(__name__)

_SPELL_SECONDS = 3.0  # of every ten: users wait for the same workers
_RECENTLY_MS = 8_000
PAGE = 5_000  # messages that are looked at by a statement
_REMOVED = 20  # in a transaction, under the lock of their conversation's head, which sends wait for
_WIPED = 500  # in a transaction, which locks nothing else
CURSOR = "im:retention"


@app.task(name=Task.RETAIN)
def retain() -> None:
    """Go on through all messages by their ids, from where the run before stopped, and begin anew at their end.

    A page counts as seen when all of it is done; a second run at the same time finds less to do. The sweep has the
    events drained. Raises DatabaseUnavailable, RedisError.
    """
    kept = {"kept": settings().retention_seconds, "withdrawn_kept": settings().retention_deleted_seconds}
    if not any(kept.values()):
        return
    if not client().set(f"{CURSOR}:recent", 1, nx=True, px=_RECENTLY_MS):
        return  # they pile up in the queue while workers are away
    until = time.monotonic() + _SPELL_SECONDS
    after: int | None = int(client().get(CURSOR) or 0)
    while after is not None and time.monotonic() < until:
        due = read(retention.due, after=after, page=PAGE, **kept)
        if not _done(due, until):
            return
        after = due.upto
        client().set(CURSOR, after or 0)


def _done(due: retention.Due, until: float) -> bool:
    """Do what is due, while there is time. Returns whether all is done."""
    for rule, what, given in _steps(due):
        if time.monotonic() >= until:
            return False
        try:
            count = write(rule, **given)
        except DatabaseUnavailable:
            raise
        except Exception:  # the others shall not wait for what nobody foresaw of one
            log.exception("not_retained", what=what)
            continue
        retention_removed.labels(what=what).inc(count)
        if count:
            log.info("retention", what=what, count=count)
    return True


def _steps(due: retention.Due) -> Iterator[tuple[Any, str, dict[str, Any]]]:
    """Yields what is to be written, a transaction each."""
    for messages in due.old.values():
        for some in _parts(messages, _REMOVED):
            yield retention.remove, "message", {"messages": some}
    for ids in _parts(due.withdrawn, _WIPED):
        yield retention.wipe, "text", {"ids": ids}


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
