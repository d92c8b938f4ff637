"""Beat's jobs. Each may run at any time, twice, or not at all."""

import random
from dataclasses import asdict
from datetime import timedelta

import orjson

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
AUDIT_KEY = "im:audit"
SNAPSHOT_KEY = "im:snapshot"


@app.task(name=Task.SWEEP)
def sweep() -> None:
    """Drain shards that hold old events, whatever their flags say: a poke was lost, or Redis was away."""
    if not client().set("im:sweep", 1, nx=True, px=500):
        return  # one has just run: sweeps pile up in the queue while workers are away
    for shard in read(stray_shards, older_than=_STRAY_AGE):
        send(Task.DRAIN, [shard])


@app.task(name=Task.EXPIRE_ROWS)
def expire_rows() -> None:
    """Delete expired tickets, revoked tokens, login attempts and known addresses."""
    log.info("expired", **write(upkeep.expire))


@app.task(name=Task.EXPIRE_PRESENCE)
def expire_presence() -> None:
    """Forget the connections of relays that are gone, and have friends told of whom they leave offline."""
    for user_id in presence.expire():
        send(Task.ANNOUNCE, user_id)


@app.task(name=Task.AUDIT)
def audit_sample() -> None:
    """Check a random sample of conversations; a drift is logged as an error, counted, and left as it is."""
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
    """Log the state of the service, and keep it in Redis for whoever looks."""
    taken = {**read(upkeep.snapshot), "connections": presence.connections()}
    (log.debug if settings().embedded else log.info)("snapshot", **taken)  # nobody at a terminal wants it every 10 s
    client().set(SNAPSHOT_KEY, orjson.dumps(taken), ex=60)
