"""What was answered 200 arrives, and is counted, whatever dies meanwhile."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, conversation, friends, send, unread
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack

PROMISED_SECONDS = 10  # after Redis is back, everything has arrived and is counted


@pytest.fixture
def running(fresh_stack: Stack) -> Stack:
    return fresh_stack.start(RATE_LIMITS="0")


@pytest.fixture
def web(running: Stack) -> Web:
    return Web(running.web_url)


@pytest.fixture
def pair(web: Web) -> tuple[User, User]:
    return friends(web)


@pytest.fixture
def device(running: Stack, pair: tuple[User, User]) -> Iterator[Device]:
    """Bob's."""
    made = Device(running.realtime_urls[0], pair[1].token).online()
    yield made
    made.close()


def assert_exact(web: Web, pair: tuple[User, User], device: Device, count: int) -> None:
    """Bob has each message once as far as seqs tell, in order, and the count is right."""
    name = conversation(*pair)
    device.wait(lambda: len(set(device.seqs(name))) >= count, f"all {count}")
    firsts = list(dict.fromkeys(device.seqs(name)))
    assert firsts == list(range(1, count + 1))
    wait_until(lambda: unread(web, pair[1], name) == count, f"{count} unread")


def test_a_worker_killed_between_commit_and_drain_loses_nothing(
    running: Stack, web: Web, pair: tuple[User, User], device: Device
) -> None:
    worker = running.named("worker")[0]
    worker.freeze()  # it may have taken the poke off the queue, it cannot have drained
    for number in range(20):
        send(web, *pair, f"number {number}")
    assert storage.outbox(running) == 20
    worker.kill()
    worker.start()
    assert_exact(web, pair, device, 20)
    wait_until(lambda: storage.outbox(running) == 0, "an empty outbox")


def test_a_worker_killed_while_it_applies_events_loses_nothing(
    running: Stack, web: Web, pair: tuple[User, User], device: Device
) -> None:
    send(web, *pair)
    assert_exact(web, pair, device, 1)
    worker = running.named("worker")[0]
    with storage.locked(running, "SELECT id FROM im_conversation WHERE user_id = :id FOR UPDATE", id=pair[1].id):
        send(web, *pair)
        wait_until(lambda: storage.lock_waits(running), "the drain to wait for the row")
        worker.kill()
    worker.start()
    assert_exact(web, pair, device, 2)


def test_a_worker_killed_between_applying_and_publishing_loses_nothing(
    running: Stack, web: Web, pair: tuple[User, User], device: Device, own_redis: RedisServer
) -> None:
    worker = running.named("worker")[0]
    # The second transaction of the drain deletes what it has published: hold it there.
    with storage.locked(running, "SELECT shard FROM im_outbox_shard FOR UPDATE"):
        for number in range(20):
            send(web, *pair, f"number {number}")
        wait_until(lambda: storage.outbox(running) == 20, "20 events")
    wait_until(lambda: storage.outbox(running, applied=False) == 0, "all applied")
    worker.kill()
    worker.start()
    assert_exact(web, pair, device, 20)


def test_flushall_while_messages_are_under_way_loses_nothing(
    running: Stack, web: Web, pair: tuple[User, User], device: Device, own_redis: RedisServer
) -> None:
    with ThreadPoolExecutor(8) as pool:
        for number, _ in enumerate(pool.map(lambda n: send(web, *pair, f"number {n}"), range(200))):
            if number in (50, 100, 150):
                own_redis.flushall()
    assert_exact(web, pair, device, 200)


def test_while_redis_is_away_sends_are_stored_and_all_arrive_when_it_is_back(
    running: Stack, web: Web, pair: tuple[User, User], device: Device, own_redis: RedisServer
) -> None:
    own_redis.stop()
    for number in range(100):
        send(web, *pair, f"number {number}")
    assert unread(web, pair[1]) == 0, "counts follow the workers"
    own_redis.start()
    back = time.monotonic()
    assert_exact(web, pair, device, 100)
    assert time.monotonic() - back < PROMISED_SECONDS
    device.expect("resync")
    wait_until(lambda: storage.outbox(running) == 0, "an empty outbox")


def test_a_socket_opened_while_redis_is_away_gets_its_backlog_when_it_is_back(
    running: Stack, web: Web, pair: tuple[User, User], own_redis: RedisServer
) -> None:
    own_redis.stop()
    send(web, *pair)
    late = Device(running.realtime_urls[0], pair[1].token)
    late.expect("hello")
    own_redis.start()
    assert_exact(web, pair, late, 1)


def test_clients_of_a_killed_relay_find_everything_on_another(
    running: Stack, web: Web, pair: tuple[User, User], device: Device
) -> None:
    running.add("realtime")
    send(web, *pair)
    assert_exact(web, pair, device, 1)
    running.named("realtime")[0].kill()
    assert device.wait_closed() is None
    for number in range(10):
        send(web, *pair, f"number {number}")
    again = Device(running.realtime_urls[1], pair[1].token).online()
    name = conversation(*pair)
    again.wait(lambda: 11 in again.seqs(name), "the last")
    assert again.seqs(name)[-10:] == list(range(2, 12))
    assert unread(web, pair[1], name) == 11


def test_sender_and_recipient_may_be_on_different_relays(
    running: Stack, web: Web, pair: tuple[User, User], device: Device
) -> None:
    running.add("realtime")
    senders = Device(running.realtime_urls[1], pair[0].token).online()
    message = send(web, *pair)
    assert device.expect("new_message") == [message]
    assert senders.expect("new_message") == [message]
    assert senders.expect("delivered")[0]["seq"] == 1


def test_a_killed_web_process_has_stored_what_it_answered(running: Stack, web: Web, pair: tuple[User, User]) -> None:
    process = running.named("web")[0]
    for number in range(10):
        send(web, *pair, f"number {number}", client_msg_id=f"key {number}")
    process.kill()
    process.start()
    late = Device(running.realtime_urls[0], pair[1].token).online()
    assert_exact(web, pair, late, 10)


QUEUES = ("outbox", "delivered", "backlog", "presence", "upkeep")
NO_MESSAGES = ["garbage", "", b"\xff", "5", "[]", "{}", '{"properties": {}}']


def test_what_is_no_message_in_a_queue_ends_no_worker(
    running: Stack, web: Web, pair: tuple[User, User], device: Device, own_redis: RedisServer
) -> None:
    worker = running.named("worker")[0]
    with redis.Redis.from_url(own_redis.url) as client:
        for name in QUEUES:
            client.rpush(name, *NO_MESSAGES)
        wait_until(lambda: not worker.running or not any(map(client.llen, QUEUES)), "all to be taken from the queues")
    assert worker.running
    told = len(QUEUES) * len(NO_MESSAGES)
    wait_until(lambda: worker.output().count('"no_message"') == told, "each to be told of")
    send(web, *pair)
    assert_exact(web, pair, device, 1)
    assert worker.running
