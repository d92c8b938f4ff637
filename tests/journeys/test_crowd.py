"""Tests that all members of a busy group see exactly what they must, while members come and go and processes die.

IM_CROWD_MEMBERS, IM_CROWD_SENDERS and IM_CROWD_SECONDS make the crowd larger: 300, 20 and 60 are what was promised.
"""

import os
import time

import pytest

from tests.journeys.crowd import Crowd
from tests.people import Web
from tests.servers import RedisServer
from tests.stack import Stack

MEMBERS = int(os.environ.get("IM_CROWD_MEMBERS", "30"))
SENDERS = int(os.environ.get("IM_CROWD_SENDERS", "6"))
SECONDS = float(os.environ.get("IM_CROWD_SECONDS", "6"))
TIMEOUT = pytest.mark.timeout(180 + 2 * MEMBERS + 5 * SECONDS)


@TIMEOUT
def test_all_see_what_they_must_while_members_come_and_go(fresh_stack: Stack) -> None:
    running = fresh_stack.start(realtime=2, RATE_LIMITS="0")
    crowd = Crowd(Web(running.web_url), running.realtime_urls, size=MEMBERS, seed=1)
    crowd.live(senders=SENDERS, seconds=SECONDS)
    crowd.check()


@TIMEOUT
def test_also_when_a_worker_a_relay_and_redis_are_killed_meanwhile(fresh_stack: Stack, own_redis: RedisServer) -> None:
    running = fresh_stack.start(realtime=2, RATE_LIMITS="0")
    crowd = Crowd(Web(running.web_url), running.realtime_urls, size=MEMBERS, seed=2)
    worker, relay = running.named("worker")[0], running.named("realtime")[1]

    def faults() -> None:
        for kill, start in ((worker.kill, worker.start), (relay.kill, relay.start), (own_redis.kill, own_redis.start)):
            time.sleep(SECONDS / 6)
            kill()
            time.sleep(SECONDS / 6)
            start()

    crowd.live(senders=SENDERS, seconds=SECONDS / 6, meanwhile=faults)
    crowd.check()
