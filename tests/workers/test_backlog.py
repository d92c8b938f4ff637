"""Tests that a page that cannot be built, or is large, keeps no other user from their page."""

import os
import subprocess
import sys
from typing import Any

import orjson
import redis
from sqlalchemy import update

from db.message import Message
from db.session import write
from tests import databases
from tests.messaging.conftest import ALICE, BOB, befriend, project, store_many, stored
from tests.processes import ROOT, wait_until
from tests.servers import RedisServer

_SEND = "import sys, json; from workers.backlog import send_pages; send_pages('relay', json.loads(sys.argv[1]))"


FRIENDS = range(BOB, BOB + 7)


def test_a_page_that_cannot_be_told_is_missing_alone(mariadb_database: str, own_redis: RedisServer) -> None:
    """The others come, each once, wherever among them it stands."""
    for friend in FRIENDS:
        befriend(ALICE, friend)
        stored(ALICE, friend)
    project()
    broken = FRIENDS[4]
    write(lambda session, _: session.execute(update(Message).where(Message.to_user_id == broken).values(extra="{")))
    told = _told(mariadb_database, own_redis, [[f"of {friend}", 1, friend, None] for friend in FRIENDS])
    assert sorted(header["connection_id"] for header, _ in told) == [f"of {each}" for each in FRIENDS if each != broken]


def test_pages_that_are_too_large_to_be_read_together_all_come(mariadb_database: str, own_redis: RedisServer) -> None:
    for friend in FRIENDS:
        befriend(ALICE, friend)
        store_many(ALICE, friend, 64, "\U0001f600" * 5_000)
    project()
    requests: list[Any] = [[f"of {friend}", 1, friend, None] for friend in FRIENDS] * 3
    told = _told(mariadb_database, own_redis, requests)
    assert sorted(header["connection_id"] for header, _ in told) == sorted(request[0] for request in requests)
    assert all(len(note) < 300 * 1024 for _, note in told)
    assert all(header["tops"] == [[header["runs"][0][0], 0]] for header, _ in told)


def _told(database_url: str, server: RedisServer, requests: list[Any]) -> list[tuple[Any, bytes]]:
    """Run the task in a process of its own. Returns each note that it publishes: its header, and its bytes."""
    with redis.Redis.from_url(server.url).pubsub() as heard:
        heard.subscribe("im:relay:relay")
        wait_until(lambda: heard.get_message(timeout=1), "the subscription")
        environment = os.environ | databases.environment(database_url, server.url)
        command = [sys.executable, "-c", _SEND, orjson.dumps(requests).decode()]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        found = []
        while note := heard.get_message(timeout=0.5):
            found.append((orjson.loads(note["data"].split(b"\n")[0]), note["data"]))
        return found
