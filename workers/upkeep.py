"""The jobs that Celery beat sends. Each may run at any time, twice, or not at all."""

import random
from dataclasses import asdict
from datetime import timedelta

import orjson

from actions import closing, work
from db.session import read, write
from infra import logs, presence
from infra import snapshot as state
from infra.metrics import audit_drift
from infra.redis import client
from infra.settings import settings
from infra.tasks import Task, app, send
from messaging import audit, upkeep
from messaging.drift import Part
from messaging.outbox import stray_shards

log = logs.get(__name__)

_STRAY_AGE = timedelta(seconds=2)
_ANNOUNCED_TOGETHER = 50
_SAMPLE = 5
_COUNTED = 10_000  # messages of a conversation at most: a recount of a million would take a worker for a second
_MEMBERS = 100  # of a group, in one audit
_CARRYING = 500  # messages whose uploads are looked at
_AUDITS = "im:audits"
_AUDITS_TOLD = 10
AUDIT_KEY = "im:audit"


@app.task(name=Task.SWEEP)
def sweep() -> None:
    """Have the shards drained whose events are over 2 s old, and the work done whose task was lost.

    The poke of such a shard was lost, or Redis was away.
    """
    if not client().set("im:sweep", 1, nx=True, px=500):
        return  # another sweep has just run: they pile up in the queue while workers are away
    shards = read(stray_shards, older_than=_STRAY_AGE)
    if shards or work.lies_ready():
        work.resume(shards)


@app.task(name=Task.EXPIRE_ROWS)
def expire_rows() -> None:
    """Delete expired tickets, revoked tokens, login attempts and known addresses."""
    log.info("expired", **write(upkeep.expire))


@app.task(name=Task.LEAVE_GROUPS)
def leave_groups() -> None:
    """Take closed accounts out of the groups that they are still in."""
    closing.leave_the_rest()


@app.task(name=Task.EXPIRE_PRESENCE)
def expire_presence() -> None:
    """Announce the users whom relays that are gone leave offline, and forget these relays.

    In this order: a run that fails is repeated, and announces them again.
    """
    departed = presence.departed()
    users = sorted(departed.users)
    for start in range(0, len(users), _ANNOUNCED_TOGETHER):
        send(Task.ANNOUNCE, *users[start : start + _ANNOUNCED_TOGETHER])
    presence.forget(departed)


@app.task(name=Task.AUDIT)
def audit_sample() -> None:
    """Audit the conversations of 5 random messages. A drift is logged as an error and counted, not repaired.

    AUDIT_KEY holds for an hour what the last ten of these found together.
    """
    if not client().set("im:audit:recent", 1, nx=True, px=3000):
        return  # they pile up in the queue while workers are away
    newest = read(audit.newest_message)
    ids = [random.randint(1, newest) for _ in range(_SAMPLE)] if newest else []
    drifted = sum(map(_drifts, read(audit.sample, message_ids=ids)))
    pipeline = client().pipeline()
    pipeline.lpush(_AUDITS, orjson.dumps([len(ids), drifted]))
    pipeline.ltrim(_AUDITS, 0, _AUDITS_TOLD - 1)
    pipeline.expire(_AUDITS, 3600)
    pipeline.lrange(_AUDITS, 0, -1)
    *_, told = pipeline.execute()
    sampled, drifted = (sum(each) for each in zip(*map(orjson.loads, told), strict=True))
    client().set(AUDIT_KEY, orjson.dumps({"sampled": sampled, "drifted": drifted}), ex=3600)


def _drifts(name: str) -> int:
    """Returns how many drifts there are in a conversation, after logging and counting them."""
    part = Part(_COUNTED, random.random(), members=_MEMBERS, carrying=_CARRYING)
    if not read(audit.looks_wrong, conversation_id=name, part=part):
        return 0
    found = write(audit.audit, conversation_id=name, repair=False, part=part).drift
    for drift in found:
        log.error("drift", **asdict(drift))
        audit_drift.labels(what=drift.what).inc()
    return len(found)


@app.task(name=Task.SNAPSHOT)
def snapshot() -> None:
    """Log the state of the service, and keep it in Redis for beat's metrics (infra/snapshot.py)."""
    queues = [queue.name for queue in app.conf.task_queues]
    pipeline = client().pipeline(transaction=False)
    for name in queues:
        pipeline.llen(name)
    waiting = dict(zip(queues, pipeline.execute(), strict=True))
    taken = {**read(upkeep.snapshot), "connections": presence.connections(), "queues": waiting}
    (log.debug if settings().embedded else log.info)("snapshot", **taken)  # nobody at a terminal wants it every 10 s
    state.keep(taken)
