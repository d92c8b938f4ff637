"""Tests that a message lost with the link comes before the next one, and that both can be proven."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import redis

from tests.databases import SECRET
from tests.device import Device
from tests.journeys import storage
from tests.people import Web, conversation, friends, history, send
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack

CROWD = 505  # more connections than get their turn within the first second


def forged(user_id: int) -> str:
    """Returns a token of a user who need not be registered."""
    now = int(time.time())
    claims = {"sub": str(user_id), "type": "access", "fresh": False, "iat": now, "nbf": now - 5, "exp": now + 3600}
    return jwt.encode(claims | {"jti": uuid.uuid4().hex, "csrf": "x"}, SECRET, "HS256")


@pytest.fixture
def running(fresh_stack: Stack) -> Stack:
    return fresh_stack.start(rpc=0)


@pytest.fixture
def crowd(running: Stack) -> Iterator[list[Device]]:
    """Yields devices that get their turn first."""
    tokens = [forged(900_000 + number) for number in range(CROWD // 20 + 1)]
    with ThreadPoolExecutor(12) as pool:
        url = running.realtime_urls[0]
        devices = list(pool.map(lambda number: Device(url, tokens[number // 20]).online(), range(CROWD)))
        yield devices
        list(pool.map(Device.vanish, devices))


def test_a_message_lost_with_the_link_comes_before_the_next_one(
    running: Stack, own_redis: RedisServer, crowd: list[Device]
) -> None:
    web = Web(running.web_url)
    alice, bob = friends(web)
    name = conversation(alice, bob)
    senders, device = (Device(running.realtime_urls[0], each.token).online() for each in (alice, bob))
    bus = redis.Redis.from_url(own_redis.url)
    relay = running.named("realtime")[0]
    relay.freeze()
    bus.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
    send(web, alice, bob, "one")
    wait_until(lambda: storage.outbox(running) == 0, "it to be published to nobody")
    with storage.locked(running, "SELECT id FROM im_conversation WHERE user_id = :id FOR UPDATE", id=bob.id):
        send(web, alice, bob, "two")
        wait_until(lambda: storage.lock_waits(running), "the drain to wait for the row")
        relay.thaw()
        wait_until(lambda: bus.pubsub_numsub(f"im:user:{bob.id}")[0][1], "the relay to hear again")
    device.wait(lambda: {1, 2} <= set(device.seqs(name)), "both")
    send(web, alice, bob, "three")
    device.wait(lambda: 3 in device.seqs(name), "the third")
    bus.close()
    assert list(dict.fromkeys(device.seqs(name))) == [1, 2, 3]
    wait_until(lambda: [each["status"] for each in history(web, bob, name)] == [2, 2, 2], "all to be delivered")
    assert senders.expect("delivered")[-1]["seq"] == 3
