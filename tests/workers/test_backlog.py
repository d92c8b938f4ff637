"""Tests that a page that cannot be built keeps no other user from their page."""

import os
import subprocess
import sys

import orjson
import redis
from sqlalchemy import update

from db.message import Message
from db.session import write
from tests import databases
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, project, stored
from tests.processes import ROOT, wait_until
from tests.servers import RedisServer

_SEND = "import sys, json; from workers.backlog import send_pages; send_pages('relay', json.loads(sys.argv[1]))"


def test_a_page_that_cannot_be_told_is_missing_alone(mariadb_database: str, own_redis: RedisServer) -> None:
    for friend in (BOB, CAROL):
        befriend(ALICE, friend)
        stored(ALICE, friend)
    project()
    write(lambda session, _: session.execute(update(Message).where(Message.to_user_id == BOB).values(extra="{")))
    requests = [["of bob", 1, BOB, None], ["of carol", 1, CAROL, None]]
    with redis.Redis.from_url(own_redis.url).pubsub() as heard:
        heard.subscribe("im:relay:relay")
        wait_until(lambda: heard.get_message(timeout=1), "the subscription")
        environment = os.environ | databases.environment(mariadb_database, own_redis.url)
        command = [sys.executable, "-c", _SEND, orjson.dumps(requests).decode()]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        note = heard.get_message(timeout=10)
        assert note
        assert orjson.loads(note["data"].split(b"\n")[0])["connection_id"] == "of carol"
        assert heard.get_message(timeout=0.1) is None
