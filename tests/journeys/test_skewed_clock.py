"""Tests that times and presence follow the servers' clocks when those of worker and beat are an hour off."""

from datetime import datetime
from pathlib import Path

import orjson
import pytest
import redis

from tests.device import Device
from tests.journeys import storage
from tests.people import Web, answer, conversation, friends, history, send, unread
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack

_AN_HOUR = 3_600
_SHIM = """
import time
for name, hour in (("time", {seconds}), ("time_ns", {seconds} * 10**9)):
    setattr(time, name, lambda real=getattr(time, name), hour=hour: real() + hour)
"""

# Sets back every Python function that tells the time of day, once a file exists.
_STEPS_BACK = """
import datetime, os, time
real = time.time
def back():
    return {seconds} if os.path.exists({file!r}) else 0
class Stepping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)
time.time = lambda: real() - back()
datetime.datetime = Stepping
"""


@pytest.mark.parametrize("off", [_AN_HOUR, -_AN_HOUR])
def test_nothing_goes_by_the_workers_clock(
    fresh_stack: Stack, own_redis: RedisServer, tmp_path: Path, off: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_SHIM.format(seconds=off))
    fresh_stack.start(workers=0, beat=0)
    for name in ("worker", "beat"):
        fresh_stack.add(name, PYTHONPATH=str(tmp_path))
    web = Web(fresh_stack.web_url)
    pair = friends(web)
    device = Device(fresh_stack.realtime_urls[0], pair[1].token).online()
    kept, late = send(web, *pair), send(web, *pair)
    name = conversation(*pair)
    wait_until(lambda: [each["status"] for each in history(web, pair[0], name)] == [2, 2], "both to be delivered")
    answer(web.post("/message/v1/recall", {"message_id": late["id"]}, pair[0].token))
    device.expect("message_recalled")
    assert (kept["seq"], unread(web, pair[1], name)) == (1, 1)
    _assert_near(fresh_stack, "SELECT delivered_at FROM im_message")
    _assert_near(fresh_stack, "SELECT update_time FROM im_conversation")
    client = redis.Redis.from_url(own_redis.url)
    client.delete("im:snapshot")  # every second one of the next snapshots follows a look at presence
    wait_until(lambda: client.exists("im:snapshot"), "a snapshot")
    assert orjson.loads(client.get("im:snapshot") or b"")["connections"] == 1, "its relay counts as living"


def test_a_clock_that_steps_back_does_not_stop_beat(fresh_stack: Stack, own_redis: RedisServer, tmp_path: Path) -> None:
    stepped = tmp_path / "stepped"
    (tmp_path / "sitecustomize.py").write_text(_STEPS_BACK.format(seconds=_AN_HOUR, file=str(stepped)))
    fresh_stack.start(beat=0, rpc=0)
    fresh_stack.add("beat", PYTHONPATH=str(tmp_path))
    client = redis.Redis.from_url(own_redis.url)
    wait_until(lambda: client.exists("im:sweep"), "a sweep")
    stepped.touch()
    for _ in range(3):  # one sweep may have been under way
        wait_until(lambda: not client.exists("im:sweep"), "the end of a sweep")
        wait_until(lambda: client.exists("im:sweep"), "another sweep")


def _assert_near(stack: Stack, statement: str) -> None:
    """Fails unless the times that a query finds are within half an hour of the database's clock."""
    ((now,),) = storage.rows(stack, "SELECT UTC_TIMESTAMP()")
    found: list[datetime] = [moment for (moment,) in storage.rows(stack, statement)]
    assert found
    assert all(abs((now - moment).total_seconds()) < _AN_HOUR / 2 for moment in found), (now, found)
