"""Tests that a message is delivered only when the device has answered for it."""

import threading

import pytest

from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, conversation, friends, history, send, unread
from tests.processes import wait_until
from tests.stack import Stack


@pytest.fixture
def pair(web: Web) -> tuple[User, User]:
    return friends(web)


def statuses(web: Web, pair: tuple[User, User]) -> list[int]:
    return [message["status"] for message in history(web, pair[0], conversation(*pair))]


def prove_workers_idle(web: Web, stack: Stack) -> None:
    """Wait until a later message is delivered, which shows that the workers have done all that came before."""
    later = friends(web)
    device = Device(stack.realtime_urls[0], later[1].token).online()
    send(web, *later)
    device.expect("new_message")
    wait_until(lambda: statuses(web, later) == [2], "a later message to be delivered")
    device.close()


def test_a_device_that_reads_but_never_answers_proves_nothing(web: Web, stack: Stack, pair: tuple[User, User]) -> None:
    mute = Device(stack.realtime_urls[0], pair[1].token, answers=False).online()
    sent = [send(web, *pair, f"number {number}") for number in range(3)]
    mute.expect("new_message", 3)
    prove_workers_idle(web, stack)
    assert statuses(web, pair) == [1, 1, 1]
    mute.close()
    again = Device(stack.realtime_urls[0], pair[1].token).online()
    assert again.messages == sent, "they come again"
    wait_until(lambda: statuses(web, pair) == [2, 2, 2], "delivered now")


def test_one_answering_device_of_two_is_enough(web: Web, stack: Stack, pair: tuple[User, User]) -> None:
    mute = Device(stack.realtime_urls[0], pair[1].token, answers=False).online()
    good = Device(stack.realtime_urls[0], pair[1].token).online()
    send(web, *pair)
    mute.expect("new_message")
    good.expect("new_message")
    wait_until(lambda: statuses(web, pair) == [2], "delivered")


def test_the_senders_own_devices_prove_nothing(web: Web, stack: Stack, pair: tuple[User, User]) -> None:
    senders = Device(stack.realtime_urls[0], pair[0].token).online()
    send(web, *pair)
    senders.expect("new_message")
    prove_workers_idle(web, stack)
    assert statuses(web, pair) == [1]


def test_an_ack_counts_as_an_answer_as_far_as_was_pushed(web: Web, stack: Stack, pair: tuple[User, User]) -> None:
    mute = Device(stack.realtime_urls[0], pair[1].token, answers=False).online()
    for number in range(3):
        send(web, *pair, f"number {number}")
    mute.expect("new_message", 3)
    mute.say("ack", {"conversation_id": conversation(*pair), "seq": 2})
    wait_until(lambda: statuses(web, pair) == [2, 2, 1], "two delivered")
    mute.say("ack", {"conversation_id": conversation(*pair), "seq": 99})
    wait_until(lambda: statuses(web, pair) == [2, 2, 2], "all delivered")
    send(web, *pair, "not acked")
    mute.expect("new_message", 4)
    prove_workers_idle(web, stack)
    assert statuses(web, pair) == [2, 2, 2, 1]


def test_what_a_truncated_backlog_left_out_is_proven_by_no_pong(
    web: Web, unlimited_web: Web, stack: Stack, pair: tuple[User, User]
) -> None:
    for number in range(205):
        send(unlimited_web, *pair, f"number {number}")
    wait_until(lambda: unread(web, pair[1]) == 205, "all to be counted")
    device = Device(stack.realtime_urls[0], pair[1].token).online()
    assert device.seqs(conversation(*pair)) == list(range(6, 206))
    send(web, *pair, "live")
    device.expect("new_message", 201)
    prove_workers_idle(web, stack)
    assert set(statuses(web, pair)) == {1}
    device.say("ack", {"conversation_id": conversation(*pair), "seq": 206})
    wait_until(lambda: set(statuses(web, pair)) == {2}, "an ack proves them all")


def test_after_an_overflow_nothing_later_proves_what_was_skipped(
    web: Web, unlimited_web: Web, stack: Stack, pair: tuple[User, User]
) -> None:
    stuck = Device(stack.realtime_urls[0], pair[1].token, reads=False)
    prove_workers_idle(web, stack)  # the backlog was requested before, so the device is live now
    big = "x" * 5_000
    name = conversation(*pair)
    total = 900  # 4.6 MB: more than the queue and the kernel's buffers hold
    share = range(total // 6)
    senders = [threading.Thread(target=lambda: [send(unlimited_web, *pair, big) for _ in share]) for _ in range(6)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    wait_until(lambda: unread(web, pair[1], name) == total, "all to be counted")
    stuck.read_on()
    stuck.wait(lambda: stuck.gone or stuck.of("resync"), "it to be closed, or told that something was left out")
    prove_workers_idle(web, stack)
    seen = stuck.seqs(name)
    assert seen == sorted(set(seen)), "in order"
    assert len(seen) < total, "the queue overflowed"
    delivered = storage.rows(stack, "SELECT count(*) FROM im_message WHERE conversation_id = :c AND status = 2", c=name)
    assert delivered[0][0] <= len(seen)


def test_a_worker_killed_before_it_stored_the_proof_does_not_lose_it(fresh_stack: Stack) -> None:
    fresh_stack.start()
    web = Web(fresh_stack.web_url)
    pair = friends(web)
    device = Device(fresh_stack.realtime_urls[0], pair[1].token, answers=False).online()
    send(web, *pair)
    device.expect("new_message")
    worker = fresh_stack.named("worker")[0]
    row = "SELECT id FROM im_conversation WHERE user_id = :id FOR UPDATE"
    with storage.locked(fresh_stack, row, id=pair[1].id):
        device.say("ack", {"conversation_id": conversation(*pair), "seq": 1})
        wait_until(lambda: storage.lock_waits(fresh_stack), "a worker to be about to store the proof")
        worker.kill()
    worker.start()
    wait_until(lambda: statuses(web, pair) == [2], "the relay repeats its proof")
