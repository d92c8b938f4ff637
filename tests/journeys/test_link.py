"""Tests of what sockets get when the relay's link to Redis stalls, is cut, or carries unreadable notes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import redis

from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, conversation, friends, new_user, send
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack

LINGER_SECONDS = 5.0  # a relay keeps the channel of a user who has gone this long
SECRET = "nobody's business"


@pytest.fixture
def running(fresh_stack: Stack) -> Stack:
    return fresh_stack.start(rpc=0)


@pytest.fixture
def people(running: Stack) -> tuple[User, User]:
    return friends(Web(running.web_url))


def redis_of(stack: Stack) -> redis.Redis:
    return redis.Redis.from_url(stack.redis_url)


def test_who_comes_back_while_redis_stalls_hears_everything(running: Stack, people: tuple[User, User]) -> None:
    """The stall spans the moment at which the relay gives up the unused channel."""
    web, bob = Web(running.web_url), people[1]
    Device(running.realtime_urls[0], bob.token).online().close()
    time.sleep(LINGER_SECONDS - 0.2)
    redis_of(running).execute_command("CLIENT", "PAUSE", 1700, "ALL")
    device = Device(running.realtime_urls[0], bob.token).online()
    sent = [send(web, *people, f"number {number}") for number in range(3)]
    device.expect("new_message", 3)
    assert device.messages == sent


def test_what_a_cut_link_lost_arrives_though_nothing_follows(running: Stack, people: tuple[User, User]) -> None:
    device = Device(running.realtime_urls[0], people[1].token).online()
    relay = running.named("realtime")[0]
    relay.freeze()
    assert redis_of(running).execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    message = send(Web(running.web_url), *people)
    wait_until(lambda: storage.outbox(running) == 0, "the message to be published to nobody")
    relay.thaw()
    device.expect("resync")
    assert device.messages == [message]


def garbage(conversation_id: str) -> list[bytes]:
    """Returns notes that are unreadable, of a later release, or without the header that their kind needs."""
    frame = b'\n{"type":"new_message","content":"%s"}' % SECRET.encode()
    message = b'{"kind":"message","conversation_id":"%s",' % conversation_id.encode()
    return [
        *(message + b'"v":99,"seq":%d,"from_user_id":1}' % seq + frame for seq in (1, 2)),
        *(b'{"kind":"no such","v":1}' + frame, b'{"kind":"frame","v":2,"origin":null}' + frame),
        *(b"", SECRET.encode(), b"\xff\xfe", b"{", b"[]", b"1", b"{}", b'{"kind":"%s"}' % SECRET.encode()),
        *(b'{"kind":"no such"}' + frame, b'{"kind":[]}' + frame, b'{"kind":"message"}' + frame, b'{"kind":"frame"}'),
        *(b'{"kind":"frame"}' + frame, b'{"kind":"frame","origin":null}', b'{"kind":"typing"}', b'{"kind":"trace"}'),
        *(message + b'"seq":1}' + frame, message + b'"seq":1,"from_user_id":1}'),
        *(message + b'"seq":"%s","from_user_id":1}' % SECRET.encode() + frame,),
        *(b'{"kind":"confirmed"}', b'{"kind":"confirmed","proofs":1}', b'{"kind":"confirmed","proofs":[[1]]}'),
        *(b'{"kind":"backlog"}', b'{"kind":"backlog","connection_id":[]}', b'{"kind":"greeting"}'),
    ]


def test_what_nobody_understands_harms_nobody(web: Web, stack: Stack) -> None:
    alice, bob = friends(web)
    device = Device(stack.realtime_urls[0], bob.token).online()
    server = redis_of(stack)
    relays = [channel.decode() for channel in server.pubsub_channels("im:relay:*")]
    for channel in (f"im:user:{bob.id}", *relays):
        for note in garbage(conversation(alice, bob)):
            assert server.publish(channel, note)
    sent = []
    for number in range(2):  # the second message waits for a backlog that the garbage has set off
        sent.append(send(web, alice, bob, f"number {number}"))
        device.expect("new_message", number + 1)
    assert [frame["type"] for frame in device.frames if frame["type"] not in ("presence", "friend")] == [
        *("hello", "backlog_end", "new_message", "new_message")
    ]
    assert device.messages == sent
    logged = stack.named("realtime")[0].output()
    assert "note_dropped" in logged
    assert SECRET not in logged


def test_who_connects_while_redis_is_away_is_told_of_friends_and_they_of_them(
    running: Stack, people: tuple[User, User], own_redis: RedisServer
) -> None:
    alice, bob = people
    url = running.realtime_urls[0]
    early = Device(url, alice.token).online()
    own_redis.stop()
    late = Device(url, bob.token)
    late.expect("hello")
    own_redis.start()
    for device, friend in ((early, bob), (late, alice)):
        online = {"user_id": friend.id, "online": True, "last_seen": None}
        device.wait(lambda device=device, online=online: online in device.of("presence"), "the friend's presence")


class SlowSubscriptions(threading.Thread):
    """A proxy before Redis that delays subscriptions to users' channels, and passes all else on at once."""

    SECONDS = 0.5

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._redis = urlsplit(url)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listening]
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"

    def run(self) -> None:
        with suppress(OSError):  # `stop` closes the listening socket
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection((self._redis.hostname, self._redis.port))
                self._sockets += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def stop(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.join()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):  # either side went away
            while data := one.recv(65_536):
                if b"SUBSCRIBE" in data and b"im:user:" in data:
                    time.sleep(self.SECONDS)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def slow(own_redis: RedisServer) -> Iterator[SlowSubscriptions]:
    proxy = SlowSubscriptions(own_redis.url)
    proxy.start()
    yield proxy
    proxy.stop()


def test_hello_waits_until_the_relay_hears_the_user(fresh_stack: Stack, slow: SlowSubscriptions) -> None:
    """Otherwise notes published between backlog and subscription would be missing until the next message."""
    fresh_stack.start(realtime=0, rpc=0)
    fresh_stack.add("realtime", REDIS_URL=slow.url)
    bob = new_user(Web(fresh_stack.web_url))
    Device(fresh_stack.realtime_urls[0], bob.token).expect("hello")
    assert redis_of(fresh_stack).pubsub_numsub(f"im:user:{bob.id}")[0][1] == 1
