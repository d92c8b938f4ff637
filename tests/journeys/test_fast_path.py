"""Tests that a message is with the peer before a worker has seen it, and that no fault of a fast note harms anybody."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any

import pytest
import redis

from infra import channels, notes
from messaging.frame import frame
from tests.device import Device
from tests.journeys.gate import Gate
from tests.people import User, Web, answer, conversation, friends, send, unread
from tests.processes import Process, wait_until
from tests.servers import RedisServer
from tests.stack import Stack

Publish = Callable[[User, notes.Note], None]


@pytest.fixture
def publish(own_redis: RedisServer) -> Iterator[Publish]:
    """Yields a function that publishes a note to a user."""
    with redis.Redis.from_url(own_redis.url) as client:
        yield lambda user, note: client.publish(channels.of_user(user.id), notes.encode(note))


def start(stack: Stack, **of_web: str) -> tuple[Web, tuple[User, User], Device]:
    """Returns two friends, and a device of the second that has message 1, which a worker has brought."""
    stack.start(web=0, rpc=0, RATE_LIMITS="0")
    web = Web(stack.add("web", RATE_LIMITS="0", **of_web).url)
    pair = friends(web)
    device = Device(stack.realtime_urls[0], pair[1].token).online()
    send(web, *pair, "number 1")
    device.expect("new_message")
    return web, pair, device


def fast(message: dict[str, Any]) -> notes.FastMessage:
    """Returns the fast note of a message."""
    text = frame("new_message", message)
    return notes.FastMessage(message["conversation_id"], message["seq"], message["from_user_id"], text)


def settle(publish: Publish, user: User, device: Device) -> None:
    """Wait until the device has all that was published to its user before."""
    kind = f"settled {len(device.of('resync'))}"
    publish(user, notes.Frame(frame("resync", {"conversation_id": kind})))
    device.wait(lambda: {"conversation_id": kind} in device.of("resync"), "what was published before")


def the_worker(stack: Stack) -> Process:
    (worker,) = stack.named("worker")
    return worker


def test_both_have_a_message_before_any_worker_has_seen_it(fresh_stack: Stack) -> None:
    web, pair, device = start(fresh_stack)
    senders = Device(fresh_stack.realtime_urls[0], pair[0].token).online()
    send(web, *pair, "number 2")
    senders.expect("new_message", 1)
    device.expect("new_message", 2)
    wait_until(lambda: unread(web, pair[1]) == 2, "the worker to be done")
    the_worker(fresh_stack).freeze()
    message = send(web, *pair, "number 3")
    assert device.expect("new_message", 3)[-1] == message
    senders.wait(lambda: message in senders.messages, "their own message")
    assert unread(web, pair[1]) == 2, "counts follow the workers"
    the_worker(fresh_stack).thaw()
    wait_until(lambda: unread(web, pair[1]) == 3, "three unread")
    send(web, *pair, "number 4")
    device.expect("new_message", 4)
    wait_until(lambda: unread(web, pair[1]) == 4, "four unread")
    assert device.seqs(conversation(*pair)) == [1, 2, 3, 4]
    assert len(device.of("backlog_end")) == 1, "no second copy looked like a loss"


def test_a_web_process_killed_between_commit_and_the_fast_note_loses_nothing(
    fresh_stack: Stack, own_redis: RedisServer
) -> None:
    with Gate(own_redis.url).serving() as gate:
        web, pair, device = start(fresh_stack, REDIS_URL=gate.url)
        gate.hold(b"fast_message")
        send(web, *pair, "number 2")
        assert gate.reached.wait(60), "web never published"
        fresh_stack.named("web")[0].kill()
        device.expect("new_message", 2)
    assert device.seqs(conversation(*pair)) == [1, 2]


def test_two_web_processes_store_by_turns_and_each_connection_has_all_in_order(fresh_stack: Stack) -> None:
    web, pair, device = start(fresh_stack)
    webs = itertools.cycle([web, Web(fresh_stack.add("web", RATE_LIMITS="0").url)])
    senders = Device(fresh_stack.realtime_urls[0], pair[0].token).online()
    with ThreadPoolExecutor(4) as pool:
        sends = [pool.submit(send, next(webs), *pair, f"number {number}") for number in range(100)]
        assert sorted(each.result()["seq"] for each in sends) == list(range(2, 102))
    device.wait(lambda: len(device.messages) >= 101, "all")
    senders.wait(lambda: len(senders.messages) >= 100, "all of their own")
    wait_until(lambda: unread(web, pair[1]) == 101, "all to be counted")
    name = conversation(*pair)
    assert device.seqs(name) == list(range(1, 102))
    assert senders.seqs(name)[-100:] == list(range(2, 102))
    assert len(device.of("backlog_end")) == 1


def test_fast_notes_may_be_lost_doubled_late_and_out_of_order(fresh_stack: Stack, publish: Publish) -> None:
    web, pair, device = start(fresh_stack, FAST_PUBLISH="0")
    wait_until(lambda: unread(web, pair[1]) == 1, "the worker to be done")
    the_worker(fresh_stack).freeze()
    stored = {seq: send(web, *pair, f"number {seq}") for seq in range(2, 8)}
    for seq in (3, 2, 2, 3, 3, 6, 2, 5):
        publish(pair[1], fast(stored[seq]))
    settle(publish, pair[1], device)
    name = conversation(*pair)
    assert device.seqs(name) == [1, 2, 3], "only what came next"
    the_worker(fresh_stack).thaw()
    device.wait(lambda: 7 in device.seqs(name), "what the worker brings")
    for seq in (2, 7, 4):
        publish(pair[1], fast(stored[seq]))
    settle(publish, pair[1], device)
    assert device.seqs(name) == list(range(1, 8))
    assert len(device.of("backlog_end")) == 1, "nothing looked like a loss"


def test_the_first_message_of_a_conversation_that_a_connection_does_not_know_is_left_to_the_worker(
    fresh_stack: Stack, publish: Publish
) -> None:
    web, (_, bob), device = start(fresh_stack)
    the_worker(fresh_stack).freeze()
    carol, dave = friends(web)
    daves = Device(fresh_stack.realtime_urls[0], dave.token)
    daves.expect("hello")
    first = {"conversation_id": "1_99999", "seq": 1, "from_user_id": 1, "content": "from nowhere"}
    publish(bob, fast(first))
    settle(publish, bob, device)
    assert device.seqs("1_99999") == []
    send(web, carol, dave, "hello, Dave")
    the_worker(fresh_stack).thaw()
    daves.expect("new_message")
    assert daves.seqs(conversation(carol, dave)) == [1]


def test_a_redis_that_is_slow_slows_no_send_and_loses_nothing(fresh_stack: Stack, own_redis: RedisServer) -> None:
    web, pair, device = start(fresh_stack)
    own_redis.freeze()
    since, took = time.monotonic(), []
    while time.monotonic() - since < 2:
        began = time.monotonic()
        send(web, *pair)
        took.append(time.monotonic() - began)
    own_redis.thaw()
    assert median(took) < 0.4, "less than Redis is given to answer"
    count = 1 + len(took)
    name = conversation(*pair)
    device.wait(lambda: len(set(device.seqs(name))) >= count, f"all {count}")
    assert list(dict.fromkeys(device.seqs(name))) == list(range(1, count + 1))
    wait_until(lambda: unread(web, pair[1]) == count, f"{count} unread")


def test_a_fast_note_that_comes_after_the_recall_brings_no_text_back(fresh_stack: Stack, publish: Publish) -> None:
    web, pair, device = start(fresh_stack)
    secret = send(web, *pair, "the secret")
    device.expect("new_message", 2)
    answer(web.post("/message/v1/recall", {"message_id": secret["id"]}, pair[0].token))
    device.expect("message_recalled")
    late = Device(fresh_stack.realtime_urls[0], pair[1].token).online()
    publish(pair[1], fast(secret))
    for each in (device, late):
        settle(publish, pair[1], each)
    assert device.messages.count(secret) == 1, "before the recall"
    assert secret not in late.messages


def test_without_the_fast_path_a_worker_alone_publishes(fresh_stack: Stack, publish: Publish) -> None:
    web, pair, device = start(fresh_stack, FAST_PUBLISH="0")
    wait_until(lambda: unread(web, pair[1]) == 1, "the worker to be done")
    the_worker(fresh_stack).freeze()
    send(web, *pair, "number 2")
    settle(publish, pair[1], device)
    assert device.seqs(conversation(*pair)) == [1]
    the_worker(fresh_stack).thaw()
    device.expect("new_message", 2)
