"""Tests that a user whose devices never answer the largest backlog, or flood with sends, harms only themselves.

`LONG=1` lets the attack go on for a minute, in six rounds of at least 10 s.
"""

import itertools
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import redis
import websocket

from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, conversation, friends, send
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack

LARGEST = {"content": "\U0001f600" * 5_000, "extra": {"x": "y" * 8_000}}
ROUNDS = 6 if os.environ.get("LONG") else 1
AT_LEAST_SECONDS = 10.0 if os.environ.get("LONG") else 0.0  # length of an attack
MESSAGES = 25  # sent by the bystanders in a phase, at least
UNHARMED_SECONDS = 1.0  # a shorter wait is no harm, whatever the ratio: the machine may be busy


class Buffer:
    """Measures the most bytes that Redis holds for one subscriber while the block runs."""

    def __init__(self, url: str) -> None:
        self.most = 0
        self._redis = redis.Redis.from_url(url)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Buffer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._redis.close()

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            held = [int(each["omem"]) for each in self._redis.client_list() if int(each["sub"])]
            self.most = max([self.most, *held])


class Bystanders:
    """Two other users at the same relay, of whom one writes and the other reads."""

    def __init__(self, stack: Stack, web: Web) -> None:
        self._web = web
        self._pair = friends(web)
        self._name = conversation(*self._pair)
        self.device = Device(stack.realtime_urls[0], self._pair[1].token).online()
        self.sent = 0

    def talk(self, *, at_least: float = 0.0) -> list[float]:
        """Send messages one after the other, for at least `at_least` seconds. Returns each one's delay in seconds."""
        until, waits = time.monotonic() + at_least, []
        while len(waits) < MESSAGES or time.monotonic() < until:
            before = time.monotonic()
            send(self._web, *self._pair)
            self.sent += 1
            self.device.wait(lambda: self.device.seqs(self._name)[-1:] == [self.sent], f"number {self.sent}")
            waits.append(time.monotonic() - before)
        return waits

    @property
    def got(self) -> list[int]:
        return self.device.seqs(self._name)


@contextmanager
def silent_sockets(stack: Stack, user: User) -> Iterator[list[Device]]:
    """Yields as many connections as a user may have, which read and never answer a ping."""
    with ThreadPoolExecutor(20) as pool:
        devices = list(pool.map(lambda _: _silent(stack.realtime_urls[0], user), range(20)))
        yield devices
        list(pool.map(Device.close, devices))


def _silent(url: str, user: User) -> Device:
    while True:  # connections of the last round may still count
        device = Device(url, user.token, answers=False)
        if _welcome(device):
            return device


def _welcome(device: Device) -> bool:
    device.wait(lambda: device.frames or device.close_code, "an end either way")
    assert device.close_code in (None, 4001)
    return device.close_code is None


@pytest.fixture
def running(fresh_stack: Stack) -> Stack:
    return fresh_stack.start(rpc=0)


def test_a_hostile_pair_takes_nobodys_link_away(running: Stack, own_redis: RedisServer) -> None:
    web = Web(running.web_url)
    alice, bob = friends(web)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: send(web, alice, bob, **LARGEST), range(200)))
    wait_until(lambda: storage.outbox(running) == 0, "an empty outbox")
    bystanders = Bystanders(running, web)
    relay = running.named("realtime")[0]
    quiet: list[float] = []
    attacked: list[float] = []
    first_pages: list[int] = []
    with Buffer(own_redis.url) as buffer:
        for _ in range(ROUNDS):
            quiet += bystanders.talk()
            with silent_sockets(running, bob) as devices:
                attacked += bystanders.talk(at_least=AT_LEAST_SECONDS)
                for device in devices:
                    device.expect("new_message")
                first_pages += [len(device.messages) for device in devices]
    print(
        f"bus_lost {relay.output().count('bus_lost')}, at most {buffer.most / 1e6:.1f} MB held by Redis,",
        f"bystanders' frames {len(bystanders.device.frames)}, pages of {min(first_pages)} to {max(first_pages)},",
        f"p50 and p99 in ms: quiet {_tell(quiet)}, attacked {_tell(attacked)}",
    )
    assert "bus_lost" not in relay.output()
    assert bystanders.got == list(range(1, bystanders.sent + 1))
    assert len(bystanders.device.of("backlog_end")) == 1, "no backlog was run again"
    assert not bystanders.device.of("resync")
    assert buffer.most < 16 * 1024 * 1024
    assert _quantile(attacked, 0.9) < 2 * max(_quantile(quiet, 0.99), UNHARMED_SECONDS)


def test_a_flood_of_sends_harms_nobody_else(running: Stack) -> None:
    """All that a user may have of connections sends as fast as it can: good messages, bad ones, and large ones."""
    web = Web(running.web_url)
    alice, bob = friends(web)
    bystanders = Bystanders(running, web)
    quiet = bystanders.talk()
    with ThreadPoolExecutor(20) as pool:
        devices = [Device(running.realtime_urls[0], alice.token).online() for _ in range(20)]
        floods = [pool.submit(_flood, device, bob, number) for number, device in enumerate(devices)]
        attacked = bystanders.talk(at_least=AT_LEAST_SECONDS)
        assert [device.wait_closed() for device in devices] == [1008] * 20
        for flood in floods:
            flood.result()
    print(f"p50 and p99 in ms: quiet {_tell(quiet)}, attacked {_tell(attacked)}")
    assert bystanders.got == list(range(1, bystanders.sent + 1))
    assert _quantile(attacked, 0.9) < 2 * max(_quantile(quiet, 0.99), UNHARMED_SECONDS)
    stored = storage.rows(running, "SELECT count(*) FROM im_message WHERE from_user_id = :id", id=alice.id)[0][0]
    assert 0 < stored <= 600, "the limit of sends holds for all connections together"


def _flood(device: Device, recipient: User, number: int) -> None:
    """Send until the relay closes the connection."""
    with suppress(OSError, websocket.WebSocketException):
        for count in itertools.count():
            content: dict[str, Any] = {
                "to_user_id": recipient.id,
                "content": "flood",
                "client_msg_id": f"{number}.{count}",
            }
            if count % 3 == 1:
                content["to_user_id"] = None
            if count % 100 == 2:
                content["content"] = "x" * 60_000
            device.say("send", content)


def _quantile(waits: list[float], share: float) -> float:
    return sorted(waits)[int(len(waits) * share)]


def _tell(waits: list[float]) -> str:
    return f"{_quantile(waits, 0.5) * 1e3:.0f} {_quantile(waits, 0.99) * 1e3:.0f} of {len(waits)}"
