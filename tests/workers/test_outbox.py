"""Tests that a long drain is split into tasks, and that an event that cannot be applied holds up no other."""

import os
import subprocess
import sys
from datetime import datetime

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from db.session import write
from tests import databases
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, events, read, shards, stored, view
from tests.processes import ROOT
from tests.servers import RedisServer

# Runs the tasks in the queue one after the other, like a worker, and prints how many there were.
_WORKER = """
import base64, json
from infra import logs
from infra.redis import client
from workers import outbox
logs.configure()
outbox.SPELL_SECONDS = {spell}
shards, drains = list(range(16)), 0
while shards:
    outbox.drain(shards)
    drains += 1
    waiting = client().lpop("outbox")
    shards = json.loads(base64.b64decode(json.loads(waiting)["body"]))[0][0] if waiting else []
print(drains)
"""


def drains(database_url: str, redis: RedisServer, *, spell: float = 20, batch: int = 600) -> int:
    """Drain in another process, as Celery keeps its first broker for life. Returns how many tasks it took."""
    environment = os.environ | databases.environment(database_url, redis.url) | {"OUTBOX_BATCH": str(batch)}
    command = [sys.executable, "-c", _WORKER.format(spell=spell)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.fixture
def three_shards(mariadb_database: str) -> str:
    """Send two messages from Alice to each of three friends, in three shards. Returns the database's URL."""
    for friend in (BOB, CAROL, DAVE):
        befriend(ALICE, friend)
        for _ in range(2):
            stored(ALICE, friend)
    assert len(shards()) == 3
    return mariadb_database


def test_a_short_drain_is_one_task(three_shards: str, own_redis: RedisServer) -> None:
    assert drains(three_shards, own_redis) == 1
    assert events() == []


def test_a_long_drain_goes_on_in_other_tasks(three_shards: str, own_redis: RedisServer) -> None:
    assert drains(three_shards, own_redis, spell=0, batch=1) > 2
    assert events() == []
    assert [view(friend, f"1_{friend}").unread_count for friend in (BOB, CAROL, DAVE)] == [2, 2, 2]


def spoiled(event: OutboxEvent) -> None:
    """Make an event name a message that is not of its conversation."""
    befriend(BOB, CAROL)
    message = stored(BOB, CAROL)

    def rule(session: Session, _now: datetime) -> None:
        session.execute(delete(OutboxEvent).where(OutboxEvent.message_id == message["id"]))
        wrong = update(OutboxEvent).where(OutboxEvent.id == event.id)
        session.execute(wrong.values(conversation_id="1_9", message_id=message["id"]))

    write(rule)


def test_what_cannot_be_applied_holds_up_no_other_shard_and_in_the_end_not_its_own(
    three_shards: str, own_redis: RedisServer
) -> None:
    (wrong, *_) = events()
    spoiled(wrong)
    drains(three_shards, own_redis)
    assert {event.shard for event in events()} == {wrong.shard}
    assert [event.attempts for event in events()] == [1, 0]
    for _ in range(4):
        drains(three_shards, own_redis)
    assert read(lambda session: session.scalars(select(Parked.conversation_id)).all()) == ["1_9"]
    assert drains(three_shards, own_redis) == 1
    assert events() == []


def test_what_is_in_front_of_it_goes_on(three_shards: str, own_redis: RedisServer) -> None:
    wrong = [event for event in events() if event.conversation_id == "1_2"][-1]
    spoiled(wrong)
    drains(three_shards, own_redis)
    assert [event.id for event in events()] == [wrong.id]
    assert view(BOB).unread_count == 1


def test_narrowing_down_ends_with_the_spell_and_goes_on_in_other_tasks(
    three_shards: str, own_redis: RedisServer
) -> None:
    for _ in range(3):
        stored(ALICE, BOB)
    wrong = [event for event in events() if event.conversation_id == "1_2"][-1]
    spoiled(wrong)
    assert drains(three_shards, own_redis, spell=0) > 4, "one for each event in front of it"
    assert [event.id for event in events()] == [wrong.id]
    assert view(BOB).unread_count == 4
