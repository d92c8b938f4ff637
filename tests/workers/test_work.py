"""Tests of the task that drains dirty shards and stores proofs, and of what lies ready for it in Redis."""

import orjson
import pytest
from redis import Redis

from actions import work as ready
from infra.redis import client
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    befriend,
    events,
    project,
    shards,
    store_many,
    stored,
    view,
)
from tests.workers.conftest import Channels, Worker
from workers import work as tasks


@pytest.fixture
def sent(channels: Channels) -> Channels:
    """Send two messages from Alice to each of three friends. Returns the channels."""
    for friend in (BOB, CAROL, DAVE):
        befriend(ALICE, friend)
        store_many(ALICE, friend, 2)
    return channels


def told(channels: Channels, kind: str) -> list[tuple[str, int, int]]:
    """Returns the channel, the user and the seq of the frames of a kind that were published since the last call."""
    return [
        (channel, frame["content"]["user_id"], frame["content"]["seq"])
        for channel, frame in channels.frames()
        if frame["type"] == kind
    ]


def relays_told(channels: Channels) -> set[str]:
    return {channel for channel, _ in channels.notes() if channel.startswith("im:relay:")}


def test_shards_are_drained_and_then_proofs_of_what_was_in_them_stored(sent: Channels) -> None:
    assert ready.leave_shards(shards())
    assert not ready.leave_proofs("relay", [[BOB, "1_2", 0, 2], [CAROL, "1_3", 0, 1]])
    tasks.work()
    assert events() == []
    assert (view(BOB).delivered_seq, view(CAROL, "1_3").delivered_seq) == (2, 1)
    assert told(sent, "delivered") == [(f"im:user:{ALICE}", BOB, 2), (f"im:user:{ALICE}", CAROL, 1)]
    assert not ready.lies_ready()


def test_proofs_of_many_relays_are_confirmed_to_each(sent: Channels) -> None:
    project()
    friends = {"one": (BOB, "1_2"), "two": (CAROL, "1_3"), "three": (DAVE, "1_4")}
    for relay, (friend, name) in friends.items():
        for seq in (1, 2):
            ready.leave_proofs(relay, [[friend, name, seq - 1, seq]])
    tasks.work()
    assert [view(friend, name).delivered_seq for friend, name in friends.values()] == [2, 2, 2]
    assert relays_told(sent) == {f"im:relay:{relay}" for relay in friends}


def test_what_is_left_before_a_worker_begins_needs_one_task(sent: Channels) -> None:
    assert ready.leave_shards([1])
    assert not ready.leave_shards([2, 1])
    assert not ready.leave_proofs("relay", [[BOB, "1_2", 0, 1]])
    assert ready.take_shards() == [1, 2]
    assert ready.leave_shards([3]), "what comes now needs another"


def test_a_promise_that_nobody_keeps_ends_after_a_second(sent: Channels) -> None:
    ready.leave_shards([1])
    ready.leave_shards([2])
    assert 0 < client().pttl("im:promised") <= 1_000


def test_a_promise_and_what_lay_ready_may_get_lost_together(sent: Channels) -> None:
    ready.leave_shards([1])
    client().flushall()
    assert (ready.take_shards(), ready.take_proofs()) == ([], ([], False))
    assert ready.leave_shards([1])


def test_what_is_no_list_of_proofs_holds_up_no_other(sent: Channels) -> None:
    project()
    for text in (
        "garbage",
        "5",
        "[]",
        '["relay", [[2, "1_2", 0, 1e400]]]',
        '["relay", 5]',
        '["relay", [5]]',
        '["relay", [[1, 2]]]',
        b"\xff",
    ):
        client().rpush("im:proofs", text)
    ready.leave_proofs("relay", [[BOB, "1_2", 0, 2]])
    tasks.work()
    assert view(BOB).delivered_seq == 2


def test_lists_of_proofs_are_bounded_and_the_oldest_go(sent: Channels) -> None:
    client().rpush("im:proofs", *["old"] * 1_000)
    ready.leave_proofs("relay", [[BOB, "1_2", 0, 2]])
    assert client().llen("im:proofs") == 1_000
    assert client().lindex("im:proofs", -1) == orjson.dumps(["relay", [[BOB, "1_2", 0, 2]]])


def test_two_workers_take_different_lists(sent: Channels) -> None:
    for number in range(11):
        ready.leave_proofs("relay", [[BOB, "1_2", number, number]])
    first, more = ready.take_proofs()
    second, more_then = ready.take_proofs()
    assert ([len(first), len(second)], more, more_then) == ([10, 1], True, False)


@pytest.fixture
def written(worker: Worker) -> Worker:
    """Send two messages from Alice to Bob. Returns a worker."""
    befriend(ALICE, BOB)
    for _ in range(2):
        stored(ALICE, BOB)
    return worker


def leave(redis: Redis, count: int) -> None:
    for number in range(count):
        redis.rpush("im:proofs", orjson.dumps([f"relay {number}", [[BOB, "1_2", 0, number + 1]]]))


def test_more_proofs_than_a_task_takes_go_on_in_another(written: Worker) -> None:
    project()
    leave(written.redis, 11)
    written.do("work.work()")
    assert (written.redis.llen("im:proofs"), written.sent("outbox")) == (1, [[]])
    written.do("work.work()")
    assert (written.redis.llen("im:proofs"), view(BOB).delivered_seq) == (0, 2)
    assert written.sent("outbox") == [[]], "the second sends none"


def test_a_long_drain_does_not_hold_up_proofs(written: Worker) -> None:
    written.do("ready.resume(range(16))")
    written.redis.delete("outbox")
    leave(written.redis, 1)
    written.do("work.SPELL_SECONDS = 0", "work.work()", OUTBOX_BATCH="1")
    assert len(events()) == 1, "the drain is not done"
    assert (written.redis.llen("im:proofs"), view(BOB).delivered_seq) == (0, 1)
    assert written.sent("outbox") == [[]]
    written.do("work.work()")
    assert events() == []


def test_what_processes_of_the_release_before_ask_for_is_done(written: Worker) -> None:
    """They send no other task for a shard while its flag is there."""
    written.redis.set("im:poke:3", 1)
    written.do("outbox.drain_as_asked([3, 4])")
    assert (written.redis.exists("im:poke:3"), written.sent("outbox")) == (0, [[]])
    assert written.redis.smembers("im:dirty") == {b"3", b"4"}
