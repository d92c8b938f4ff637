"""The outbox's two ends in the workers: `poke` tells that a shard has events, `drain` works them off.

A poke is a hint. It never carries content, may be lost, repeated or late, and never holds up a request: a background
thread sends it. The sweep (workers/upkeep.py) finds shards whose pokes were lost.
"""

import threading
import time
from collections.abc import Sequence

from celery.exceptions import OperationalError

from db.session import run
from infra import bus, logs
from infra.metrics import events_drained, pokes_failed
from infra.redis import RedisError, client
from infra.settings import settings
from messaging.events import Announcement, apply_batch, publish_batch
from workers.app import app

log = logs.get(__name__)

_FLAG_SECONDS = 2
_RETRY_SECONDS = 1.0
_MARK_SECONDS = 60


@app.task(name="outbox.drain")
def drain(shard: int) -> None:
    """Work off a shard until it is empty.

    A shard that another worker is at is left to it, with a mark that there is more: waiting for its lock would keep
    this worker from other shards.
    """
    client().delete(_flag(shard))  # first: whoever stores an event from now on pokes anew
    if not _work_off(shard):
        client().set(_more(shard), 1, ex=_MARK_SECONDS)
        _work_off(shard)  # the other may have looked for the mark just before it was there


def _work_off(shard: int) -> bool:
    """Apply to conversation rows, COMMIT, publish, delete, COMMIT, again and again. False: another is at it."""
    limit = settings().outbox_batch
    more = True
    while more:
        applied = run(lambda session, now: apply_batch(session, now, shard=shard, limit=limit))
        if applied is None:
            return False
        published = run(lambda session, now: publish_batch(session, now, shard=shard, limit=limit, announce=_announce))
        if published is None:
            return False
        events_drained.inc(published)
        more = max(applied, published) >= limit or bool(client().delete(_more(shard)))
    return True


def _announce(announcements: Sequence[Announcement]) -> None:
    bus.publish(
        (bus.user_channel(user), note)
        for told in announcements
        for note in [bus.Note(_header(told), (bus.frame(told.kind, told.content),))]
        for user in told.user_ids
    )


def _header(told: Announcement) -> dict[str, object]:
    if not told.message:
        return {"kind": "frame", "origin": told.origin}
    return {
        "kind": "message",
        "conversation_id": told.content["conversation_id"],
        "seq": told.content["seq"],
        "from_user_id": told.content["from_user_id"],
    }


def _flag(shard: int) -> str:
    return f"im:poke:{shard}"


def _more(shard: int) -> str:
    return f"im:more:{shard}"


class Poker:
    """Sends one drain task for each shard that is dirty, unless one is already waiting in the queue."""

    def __init__(self) -> None:
        self._dirty: set[int] = set()
        self._changed = threading.Condition()
        self._started = False

    def poke(self, shard: int | None) -> None:
        """Say that a shard has events; None says that nothing was stored. Returns at once, whatever Redis does."""
        if shard is None:
            return
        with self._changed:
            self._dirty.add(shard)
            if not self._started:  # in the process that uses it: a thread does not survive the server's fork
                threading.Thread(target=self._run, name="poker", daemon=True).start()
                self._started = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._dirty:
                    self._changed.wait()
                shards = sorted(self._dirty)
                self._dirty.clear()
            try:
                _send(shards)
            except (RedisError, OperationalError, OSError) as error:
                pokes_failed.inc(len(shards))
                log.warning("poke_failed", reason=str(error))
                self._dirty.update(shards)
                time.sleep(_RETRY_SECONDS)


def _send(shards: Sequence[int]) -> None:
    pipeline = client().pipeline(transaction=False)
    for shard in shards:
        pipeline.set(_flag(shard), 1, nx=True, ex=_FLAG_SECONDS)
    for shard, waiting_already in zip(shards, [not new for new in pipeline.execute()], strict=True):
        if not waiting_already:
            drain.apply_async((shard,))


poke = Poker().poke
