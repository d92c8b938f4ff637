"""Tests of beat's jobs, and that running a job too often does no harm."""

import base64
import os
import subprocess
import sys
from typing import Any

import orjson
import pytest
from redis import Redis
from sqlalchemy import insert, select, update

from db.outbox import OutboxEvent
from db.session import write
from db.ticket import Ticket
from tests import databases
from tests.messaging.conftest import ALICE, BOB, befriend, drain, project, read, set_view, shards, stored
from tests.processes import ROOT
from tests.servers import RedisServer


class Worker:
    """Runs jobs in another process, as Celery keeps its first broker for life. The tasks sent stay in their queues."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.redis = Redis.from_url(redis_url)
        self._environment = os.environ | databases.environment(database_url, redis_url)

    def do(self, *statements: str) -> str:
        """Run statements in a worker's process. Returns what it has printed and logged."""
        code = "\n".join(
            ["from infra import logs, presence", "from workers import upkeep", "logs.configure()", *statements]
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def audit(self, times: int = 1) -> str:
        """Run that many audits, as if each came in its time. Returns what was printed and logged."""
        return self.do(*["presence.client().delete('im:audit:recent')", "upkeep.audit_sample()"] * times)

    def audited(self) -> Any:
        """Returns what is told of the last audits."""
        return orjson.loads(self.redis.get("im:audit") or b"")

    def sent(self, queue: str) -> list[Any]:
        """Returns the arguments of the tasks in a queue."""
        tasks: Any = self.redis.lrange(queue, 0, -1)
        return [orjson.loads(base64.b64decode(orjson.loads(task)["body"]))[0] for task in tasks]


@pytest.fixture
def worker(mariadb_database: str, own_redis: RedisServer) -> Worker:
    return Worker(mariadb_database, own_redis.url)


@pytest.fixture
def written(worker: Worker) -> dict[str, Any]:
    """Send a message from Alice to Bob. Returns the Message."""
    befriend(ALICE, BOB)
    return stored(ALICE, BOB)


def test_a_shard_whose_poke_was_lost_is_drained_once(worker: Worker, written: dict[str, Any]) -> None:
    old = update(OutboxEvent).values(
        create_time=read(lambda session: session.scalar(select(OutboxEvent.create_time))).replace(year=2001)
    )
    write(lambda session, _: session.execute(old))
    worker.do("upkeep.sweep()", "upkeep.sweep()")
    assert worker.sent("outbox") == [[shards()]]


def test_what_has_expired_goes(worker: Worker) -> None:
    write(
        lambda session, now: session.execute(
            insert(Ticket), [{"ticket_hash": "x", "claims": "{}", "expires_at": now.replace(year=2001)}]
        )
    )
    worker.do("upkeep.expire_rows()")
    assert read(lambda session: session.scalars(select(Ticket)).all()) == []


def test_friends_are_told_of_whom_a_dead_relay_leaves_offline(worker: Worker) -> None:
    worker.do(
        f"presence.report('dead', {{{ALICE}: 1, {BOB}: 1}})",
        f"presence.report('alive', {{{BOB}: 1}})",
    )
    worker.redis.zadd("im:relays", {"dead": 0})
    worker.do("upkeep.expire_presence()")
    assert worker.sent("presence") == [[ALICE]]


def test_a_row_that_has_drifted_is_said_and_left_as_it_is(worker: Worker, written: dict[str, Any]) -> None:
    project()
    worker.audit()
    assert worker.audited() == {"sampled": 5, "drifted": 0}
    set_view(BOB, unread_count=5)
    assert "unread_count" in worker.audit()
    assert worker.audited() == {"sampled": 10, "drifted": 1}


def test_what_is_told_of_the_audits_is_of_the_last_ten(worker: Worker, written: dict[str, Any]) -> None:
    drain()
    set_view(BOB, unread_count=5)
    worker.audit()
    set_view(BOB, unread_count=1)
    worker.audit(9)
    assert worker.audited() == {"sampled": 50, "drifted": 1}
    worker.audit()
    assert worker.audited() == {"sampled": 50, "drifted": 0}


def test_audits_that_have_piled_up_run_once(worker: Worker, written: dict[str, Any]) -> None:
    worker.do("upkeep.audit_sample()", "upkeep.audit_sample()")
    assert worker.audited()["sampled"] == 5


def test_the_state_of_the_service_is_kept_for_whoever_looks(worker: Worker, written: dict[str, Any]) -> None:
    worker.do(f"presence.report('relay', {{{ALICE}: 2}})", "upkeep.snapshot()")
    found = orjson.loads(worker.redis.get("im:snapshot") or b"")
    assert (found["messages"], found["outbox_depth"], found["connections"]) == (written["id"], 1, 2)
