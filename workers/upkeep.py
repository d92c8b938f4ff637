"""The jobs that Celery beat sends. Each may run at any time, twice, or not at all."""

import random
from dataclasses import asdict
from datetime import timedelta

import orjson

from actions import work
from db.session import read, write
from infra import logs, presence
from infra.metrics import audit_drift
from infra.redis import client
from infra.settings import settings
from infra.tasks import Task, app, send
from messaging import audit, upkeep
from messaging.outbox import stray_shards

log = logs.get(__name__)

_STRAY_AGE = timedelta(seconds=2)
_SAMPLE = 50
_ANNOUNCED_TOGETHER = 50
AUDIT_KEY = "im:audit"
SNAPSHOT_KEY = "im:snapshot"


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
    """Audit the conversations of 50 random messages. A drift is logged as an error and counted, not repaired."""
    newest = read(upkeep.snapshot)["messages"]
    ids = [random.randint(1, newest) for _ in range(_SAMPLE)] if newest else []
    drifted = 0
    for name in read(audit.sample, message_ids=ids):
        for drift in write(audit.audit, conversation_id=name, repair=False).drift:
            log.error("drift", **asdict(drift))
            audit_drift.labels(what=drift.what).inc()
            drifted += 1
    client().set(AUDIT_KEY, orjson.dumps({"sampled": len(ids), "drifted": drifted}), ex=3600)


@app.task(name=Task.SNAPSHOT)
def snapshot() -> None:
    """Log the state of the service, and keep it in Redis for 60 s under SNAPSHOT_KEY."""
    taken = {**read(upkeep.snapshot), "connections": presence.connections()}
    (log.debug if settings().embedded else log.info)("snapshot", **taken)  # nobody at a terminal wants it every 10 s
    client().set(SNAPSHOT_KEY, orjson.dumps(taken), ex=60)
