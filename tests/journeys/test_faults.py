"""Tests that a message answered with 200 arrives and is counted, whichever process dies meanwhile."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import redis

from infra.loops import STALLED_SECONDS
from tests.device import Device
from tests.journeys import storage
from tests.journeys.gate import Gate
from tests.people import User, Web, answer, conversation, friends, send, unread
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
    """Yields Bob's device."""
    made = Device(running.realtime_urls[0], pair[1].token).online()
    yield made
    made.close()


def assert_exact(web: Web, pair: tuple[User, User], device: Device, count: int) -> None:
    """Fails unless Bob gets seqs 1 to `count` in order, repeats aside, and has that many unread."""
    name = conversation(*pair)
    device.wait(lambda: len(set(device.seqs(name))) >= count, f"all {count}")
    firsts = list(dict.fromkeys(device.seqs(name)))
    assert firsts == list(range(1, count + 1))
    wait_until(lambda: unread(web, pair[1], name) == count, f"{count} unread")


def test_a_worker_killed_between_commit_and_drain_loses_nothing(
    running: Stack, web: Web, pair: tuple[User, User], device: Device
) -> None:
    worker = running.named("worker")[0]
    worker.freeze()  # a frozen worker may take the poke off the queue, but cannot drain
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
    with ExitStack() as until_applied:
        with storage.locked(running, "SELECT shard FROM im_outbox_shard FOR UPDATE"):
            for number in range(20):
                send(web, *pair, f"number {number}")
            wait_until(lambda: storage.outbox(running) == 20, "20 events")
            # The first transaction of a drain reads events, the second locks them.
            until_applied.enter_context(storage.locked(running, "SELECT id FROM im_outbox FOR UPDATE"))
        wait_until(lambda: storage.lock_waits(running), "a drain to wait for the events")
        applied = "SELECT count(*) FROM im_conversation WHERE last_seq = 20"
        assert storage.rows(running, applied)[0][0] == 2
        worker.kill()
    assert storage.outbox(running) == 20
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


@pytest.fixture
def gate(fresh_stack: Stack, own_redis: RedisServer) -> Iterator[Gate]:
    """Yields the worker's only way to Redis, in a deployment without beat, so that nothing sweeps."""
    with Gate(own_redis.url).serving() as made:
        fresh_stack.start(workers=0, beat=0, rpc=0)
        fresh_stack.add("worker", REDIS_URL=made.url)
        yield made


@pytest.fixture
def held(gate: Gate, fresh_stack: Stack) -> tuple[Web, tuple[User, User], Device]:
    """Returns two friends behind the gate, and an online device of the second."""
    web = Web(fresh_stack.web_url)
    pair = friends(web)
    return web, pair, Device(fresh_stack.realtime_urls[0], pair[1].token).online()


def test_a_worker_killed_while_it_publishes_publishes_again(
    gate: Gate, held: tuple[Web, tuple[User, User], Device], fresh_stack: Stack
) -> None:
    web, pair, device = held
    gate.hold(b"new_message")
    send(web, *pair)
    assert gate.reached.wait(60), "the worker never published"
    fresh_stack.named("worker")[0].kill()
    gate.open()
    assert (storage.outbox(fresh_stack), device.messages) == (1, [])
    fresh_stack.named("worker")[0].start()
    fresh_stack.add("beat")
    assert_exact(web, pair, device, 1)
    wait_until(lambda: storage.outbox(fresh_stack) == 0, "an empty outbox")


def test_a_worker_killed_after_publishing_and_before_it_deletes_publishes_again(
    gate: Gate, held: tuple[Web, tuple[User, User], Device], fresh_stack: Stack
) -> None:
    web, pair, device = held
    worker = fresh_stack.named("worker")[0]
    gate.hold(b"new_message", answers=True)
    send(web, *pair)
    device.expect("new_message")
    worker.kill()
    gate.open()
    assert storage.outbox(fresh_stack) == 1
    worker.start()
    fresh_stack.add("beat")
    wait_until(lambda: storage.outbox(fresh_stack) == 0, "an empty outbox")
    assert_exact(web, pair, device, 1)


def test_a_second_send_needs_no_sweep(held: tuple[Web, tuple[User, User], Device]) -> None:
    """A poke's flag suppresses other pokes for two seconds, unless the drain that it asked for removes the flag."""
    web, pair, device = held
    for count in (1, 2, 3):
        send(web, *pair)
        assert_exact(web, pair, device, count)


def recalled_at_the_gate(web: Web, user: User, secret: dict[str, Any], gate: Gate, stack: Stack) -> bool:
    """Recall a message and open the gate, once the recall waits. Returns whether it was answered before that.

    This is right only if the worker gave up publishing meanwhile.
    """
    with ThreadPoolExecutor(1) as pool:
        recall = pool.submit(web.post, "/message/v1/recall", {"message_id": secret["id"]}, user.token)
        wait_until(lambda: recall.done() or storage.lock_waits(stack), "the recall to wait")
        answered_first = recall.done()
        gate.open()
        assert answer(recall.result())["message"]["status"] == 4
    stack.add("beat")
    return answered_first


def test_a_recall_is_answered_only_when_nothing_of_the_text_is_under_way(
    gate: Gate, held: tuple[Web, tuple[User, User], Device], fresh_stack: Stack
) -> None:
    web, pair, device = held
    gate.hold(b"new_message")
    secret = send(web, *pair, "the secret")
    assert gate.reached.wait(60), "the worker never published"
    answered_first = recalled_at_the_gate(web, pair[0], secret, gate, fresh_stack)
    device.expect("message_recalled")
    texts = [frame["content"].get("content") for frame in device.frames]
    assert ("the secret" in texts) is not answered_first


def test_a_recall_is_answered_only_when_no_quote_of_the_text_is_under_way(
    gate: Gate, held: tuple[Web, tuple[User, User], Device], fresh_stack: Stack
) -> None:
    web, pair, device = held
    secret = send(web, *pair, "the secret")
    device.expect("new_message")
    wait_until(lambda: storage.outbox(fresh_stack) == 0, "an empty outbox")
    gate.hold(b'"content":"the secret"')
    send(web, pair[1], pair[0], "what?", extra={"reply_to": secret["id"]})
    assert gate.reached.wait(60), "the worker never published"
    answered_first = recalled_at_the_gate(web, pair[0], secret, gate, fresh_stack)
    device.expect("message_recalled")
    quotes = [(frame["content"].get("reply") or {}).get("content") for frame in device.frames]
    assert ("the secret" in quotes) is not answered_first


def test_a_redis_that_stands_still_is_nothing_to_web(
    running: Stack, web: Web, pair: tuple[User, User], device: Device, own_redis: RedisServer
) -> None:
    """Redis hangs longer than a loop may stall. Taking web out of service for that would stop sends for nothing."""
    own_redis.freeze()
    still, count = time.monotonic(), 0
    while time.monotonic() - still < STALLED_SECONDS + 3:
        send(web, *pair)
        count += 1
        assert web.get("/readyz").status_code == 200
    own_redis.thaw()
    assert_exact(web, pair, device, count)


def lost_by_flushall(running: Stack, own_redis: RedisServer, sending: Callable[[], object]) -> None:
    """Lose the poke: Redis is emptied before a worker sees the task."""
    (worker,) = running.named("worker")
    worker.kill()
    sending()
    client = redis.Redis.from_url(own_redis.url)
    wait_until(lambda: client.llen("outbox"), "the task")
    own_redis.flushall()
    worker.start()


def lost_with_its_web_process(running: Stack, own_redis: RedisServer, sending: Callable[[], object]) -> None:
    """Lose the poke: web holds it until Redis is back, and dies before that."""
    own_redis.stop()
    sending()
    running.named("web")[0].kill()
    running.named("web")[0].start()
    own_redis.start()


def lost_with_its_worker(running: Stack, own_redis: RedisServer, sending: Callable[[], object]) -> None:
    """Lose the poke: a worker takes the task, and dies before it has done anything."""
    (worker,) = running.named("worker")
    names = "SELECT conversation_id FROM im_conversation FOR UPDATE"
    with storage.locked(running, names):
        sending()
        wait_until(lambda: storage.lock_waits(running), "the drain to wait for a row")
        worker.kill()
    worker.start()


@pytest.mark.parametrize("lose", [lost_by_flushall, lost_with_its_web_process, lost_with_its_worker])
def test_a_lost_poke_is_made_good_without_another_send(
    running: Stack,
    web: Web,
    pair: tuple[User, User],
    device: Device,
    own_redis: RedisServer,
    lose: Callable[[Stack, RedisServer, Callable[[], object]], None],
) -> None:
    """No message is sent afterwards, because a later send would poke the shard, and a later frame show the gap."""
    send(web, *pair)
    assert_exact(web, pair, device, 1)
    lose(running, own_redis, lambda: send(web, *pair, "the last word"))
    assert_exact(web, pair, device, 2)
    wait_until(lambda: storage.outbox(running) == 0, "an empty outbox")
