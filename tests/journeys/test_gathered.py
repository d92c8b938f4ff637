"""Tests that work which lies ready for the workers gets done, whichever process dies with the task for it."""

from collections.abc import Iterator

import pytest
import redis

from tests.device import Device
from tests.journeys import storage
from tests.journeys.gate import Gate
from tests.people import User, Web, conversation, friends, history, send, unread
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack

TASK = b"outbox.work"


@pytest.fixture
def gate(own_redis: RedisServer) -> Iterator[Gate]:
    """Yields the only way to Redis of the process that a test starts with its URL."""
    with Gate(own_redis.url).serving() as made:
        yield made


def statuses(web: Web, pair: tuple[User, User]) -> list[int]:
    return [message["status"] for message in history(web, pair[0], conversation(*pair))]


def mute(stack: Stack, user: User) -> Device:
    """Returns a device that proves what it has only by acks."""
    return Device(stack.realtime_urls[0], user.token, answers=False).online()


def drained(stack: Stack) -> None:
    wait_until(lambda: storage.outbox(stack) == 0, "an empty outbox")


def test_a_web_process_killed_with_the_task_that_it_promised(fresh_stack: Stack, gate: Gate) -> None:
    fresh_stack.start(web=0)
    process = fresh_stack.add("web", REDIS_URL=gate.url)
    web = Web(fresh_stack.web_url)
    pair = friends(web)
    drained(fresh_stack)
    gate.hold(TASK)
    send(web, *pair)
    assert gate.reached.wait(60), "web never sent the task"
    process.kill()
    gate.open()
    process.start()
    drained(fresh_stack)
    assert unread(web, pair[1]) == 1


def unanswered(stack: Stack) -> tuple[Web, tuple[User, User], Device]:
    """Send a message to a device that has not answered for it, and drain. Returns web, both users and the device."""
    web = Web(stack.web_url)
    pair = friends(web)
    device = mute(stack, pair[1])
    send(web, *pair)
    device.expect("new_message")
    drained(stack)
    return web, pair, device


def test_a_relay_killed_with_the_task_that_it_promised(fresh_stack: Stack, gate: Gate) -> None:
    """What it has left is stored all the same."""
    fresh_stack.start(realtime=0)
    process = fresh_stack.add("realtime", REDIS_URL=gate.url)
    web, pair, device = unanswered(fresh_stack)
    gate.hold(TASK)
    device.say("ack", {"conversation_id": conversation(*pair), "seq": 1})
    assert gate.reached.wait(60), "the relay never sent the task"
    process.kill()
    gate.open()
    wait_until(lambda: statuses(web, pair) == [2], "delivered")


def test_proofs_lost_before_a_worker_took_them(fresh_stack: Stack, own_redis: RedisServer) -> None:
    fresh_stack.start()
    web, pair, device = unanswered(fresh_stack)
    (worker,) = fresh_stack.named("worker")
    worker.kill()
    device.say("ack", {"conversation_id": conversation(*pair), "seq": 1})
    with redis.Redis.from_url(own_redis.url) as client:
        wait_until(lambda: client.llen("im:proofs"), "the proof")
        client.flushall()
    worker.start()
    wait_until(lambda: statuses(web, pair) == [2], "the relay to repeat it")


def test_what_a_stuck_drain_holds_up_is_its_own(fresh_stack: Stack) -> None:
    """One of the worker's two processes waits for a row; proofs that come meanwhile are stored by the other."""
    fresh_stack.start()
    web = Web(fresh_stack.web_url)
    pair, others = friends(web), friends(web)
    device = mute(fresh_stack, others[1])
    send(web, *others)
    device.expect("new_message")
    send(web, *pair)
    drained(fresh_stack)
    with storage.locked(fresh_stack, "SELECT id FROM im_conversation WHERE user_id = :id FOR UPDATE", id=pair[1].id):
        send(web, *pair)
        wait_until(lambda: storage.lock_waits(fresh_stack), "the drain to wait for the row")
        device.say("ack", {"conversation_id": conversation(*others), "seq": 1})
        wait_until(lambda: statuses(web, others) == [2], "delivered")
        assert storage.outbox(fresh_stack), "the drain still waits"
    drained(fresh_stack)
    assert unread(web, pair[1]) == 2
