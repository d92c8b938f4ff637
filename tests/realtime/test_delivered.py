"""Tests that proofs are left for the workers in batches, and repeated until a worker has confirmed them."""

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from celery.exceptions import OperationalError
from gevent.event import Event

from infra.redis import RedisError
from messaging.delivered import Proof
from realtime.delivered import GROUP_SECONDS, REPEAT_SECONDS, Proofs
from tests.processes import PATIENCE

Sent = list[list[Any]]


class Relay:
    """Proofs whose clock the test moves, and a record of the batches that they left.

    A task counts as promised from the first batch until `calls` is raised.
    """

    def __init__(self, *, most: int = 200_000) -> None:
        self.now = 1_000.0
        self.batches: list[Sent] = []
        self.calls = 0
        self.promised = False
        self.publishing: Callable[[], None] = lambda: None
        self.published = Event()
        self.called = Event()
        self.gathering: Callable[[], None] = lambda: None
        self.proofs = Proofs(
            "relay",
            leave=self._leave,
            call=self._call,
            gather_seconds=0.2,
            most=most,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def add(self, *proofs: tuple[int, str, int, int]) -> None:
        """Add proofs."""
        self.proofs.add(Proof(*proof) for proof in proofs)

    def sent(self) -> Sent:
        """Leave what is due. Returns the proofs that were left."""
        before = len(self.batches)
        self.proofs.leave_due()
        return [proof for batch in self.batches[before:] for proof in batch]

    def _leave(self, relay_id: str, proofs: Sent, _told: object) -> bool:
        self.publishing()
        assert relay_id == "relay"
        self.batches.append(proofs)
        self.published.set()
        mine = not self.promised
        self.promised = True
        return mine

    def _call(self) -> None:
        self.promised = False
        self.calls += 1
        self.called.set()

    def _sleep(self, seconds: float) -> None:
        if seconds == 0.2:
            self.gathering()
        gevent.sleep(0)


@pytest.fixture
def relay() -> Relay:
    return Relay()


def test_nothing_proven_is_nothing_sent(relay: Relay) -> None:
    assert relay.sent() == []
    assert relay.batches == []


def test_proofs_go_together(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    relay.add((2, "1_2", 0, 3), (1, "1_3", 7, 8))
    assert relay.sent() == [[1, "1_2", 0, 5], [2, "1_2", 0, 3], [1, "1_3", 7, 8]]
    assert len(relay.batches) == 1


def test_a_longer_proof_takes_the_place_of_a_shorter(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5), (1, "1_2", 0, 9), (1, "1_2", 0, 7))
    assert relay.sent() == [[1, "1_2", 0, 9]]


def test_proofs_with_another_beginning_are_kept_apart(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5), (1, "1_2", 5, 9))
    assert relay.sent() == [[1, "1_2", 0, 5], [1, "1_2", 5, 9]]


def test_what_was_sent_is_not_sent_at_once_again(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    relay.sent()
    relay.now += REPEAT_SECONDS
    assert relay.sent() == []


def test_what_nobody_confirms_is_sent_every_five_seconds(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    assert REPEAT_SECONDS == 5
    for _ in range(3):
        assert relay.sent() == [[1, "1_2", 0, 5]]
        relay.now += 5.1


def test_what_is_confirmed_is_forgotten(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    relay.proofs.confirm(relay.sent())
    relay.now += 3600
    assert relay.sent() == []


def test_a_proof_that_grew_is_sent_at_once(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    relay.sent()
    relay.add((1, "1_2", 0, 6))
    assert relay.sent() == [[1, "1_2", 0, 6]]


def test_a_confirmation_covers_what_was_known_then(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    earlier = relay.sent()
    relay.add((1, "1_2", 0, 6))
    relay.proofs.confirm(earlier)
    assert relay.sent() == [[1, "1_2", 0, 6]]


def test_a_confirmation_of_more_covers_less(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5))
    relay.proofs.confirm([[1, "1_2", 0, 6]])
    assert relay.sent() == []


def test_only_what_is_named_is_confirmed(relay: Relay) -> None:
    relay.add((1, "1_2", 0, 5), (2, "1_2", 0, 5), (1, "1_3", 0, 5), (1, "1_2", 1, 5))
    relay.proofs.confirm([[1, "1_2", 0, 5], [9, "1_9", 0, 5]])
    assert relay.sent() == [[2, "1_2", 0, 5], [1, "1_3", 0, 5], [1, "1_2", 1, 5]]


@pytest.fixture
def gathering(relay: Relay) -> Relay:
    """Returns a relay that has just begun to gather the proofs of groups."""
    assert relay.sent() == []
    return relay


def test_the_proofs_of_a_group_gather_and_only_the_highest_go(gathering: Relay) -> None:
    assert GROUP_SECONDS == 2
    gathering.add((1, "group_5", 3, 4), (2, "group_5", 3, 4), (1, "1_2", 0, 5))
    assert gathering.sent() == [[1, "1_2", 0, 5]]
    gathering.now += 1
    gathering.add((1, "group_5", 3, 6), (1, "group_5", 3, 5))
    assert gathering.sent() == []
    gathering.now += 1
    assert gathering.sent() == [[1, "group_5", 3, 6], [2, "group_5", 3, 4]]
    gathering.now += 2
    assert gathering.sent() == []


def test_a_groups_proofs_with_another_beginning_are_kept_apart(gathering: Relay) -> None:
    """One of them may not hold: what lies between two runs is proven by neither."""
    gathering.add((1, "group_5", 3, 4), (1, "group_5", 6, 9))
    gathering.now += 2
    assert gathering.sent() == [[1, "group_5", 3, 4], [1, "group_5", 6, 9]]


def test_a_groups_proof_that_grew_since_it_was_sent_is_confirmed_as_it_is_now(gathering: Relay) -> None:
    gathering.add((1, "group_5", 3, 4))
    gathering.now += 2
    earlier = gathering.sent()
    gathering.add((1, "group_5", 3, 6))
    gathering.proofs.confirm(earlier)
    gathering.now += 2
    assert gathering.sent() == [[1, "group_5", 3, 6]]
    gathering.now += REPEAT_SECONDS + 1
    assert gathering.sent() == [[1, "group_5", 3, 6]]


def test_a_groups_proofs_of_who_leaves_go_at_once(gathering: Relay) -> None:
    gathering.add((1, "group_5", 3, 4), (1, "group_6", 0, 2), (2, "group_5", 3, 4))
    gathering.proofs.hurry(1)
    gathering.proofs.hurry(3)
    assert gathering.sent() == [[1, "group_5", 3, 4], [1, "group_6", 0, 2]]
    gathering.now += 2
    assert gathering.sent() == [[2, "group_5", 3, 4]]


def test_many_proofs_go_in_several_batches(relay: Relay) -> None:
    given = [(user, "a", 0, 1) for user in range(1_001)]
    relay.add(*given)
    assert relay.sent() == [list(proof) for proof in given]
    assert [len(batch) for batch in relay.batches] == [*[100] * 10, 1]


def test_beyond_a_limit_the_oldest_is_forgotten() -> None:
    relay = Relay(most=2)
    relay.add((1, "a", 0, 1), (2, "a", 0, 1))
    relay.add((1, "a", 0, 2), (3, "a", 0, 1))
    assert relay.sent() == [[1, "a", 0, 2], [3, "a", 0, 1]]


@pytest.fixture
def running(relay: Relay) -> Any:
    """Run the relay's own loop, which sends what is due. Yields its greenlet."""
    loop = gevent.spawn(relay.proofs.run)
    yield loop
    loop.kill()


def test_the_loop_sends_what_comes(relay: Relay, running: gevent.Greenlet) -> None:
    for user in (1, 2):
        relay.published.clear()
        relay.add((user, "a", 0, 1))
        assert relay.published.wait(PATIENCE)
    assert relay.batches == [[[1, "a", 0, 1]], [[2, "a", 0, 1]]]


@pytest.mark.parametrize("error", [OperationalError, ConnectionError, RedisError, ZeroDivisionError])
def test_the_loop_outlives_a_redis_that_is_away_and_what_nobody_foresaw(
    relay: Relay, running: gevent.Greenlet, error: type[Exception]
) -> None:
    failed = Event()

    def fail() -> None:
        failed.set()
        raise error("away")

    relay.publishing = fail
    relay.add((1, "a", 0, 1))
    assert failed.wait(PATIENCE)
    relay.publishing = lambda: None
    relay.add((2, "a", 0, 1))
    assert relay.published.wait(PATIENCE)
    assert relay.batches == [[[1, "a", 0, 1], [2, "a", 0, 1]]]
    assert not running.dead


def test_what_comes_while_the_relay_gathers_goes_by_the_same_task(relay: Relay, running: gevent.Greenlet) -> None:
    relay.gathering = lambda: relay.add((2, "a", 0, 1))
    relay.add((1, "a", 0, 1))
    assert relay.called.wait(PATIENCE)
    assert (relay.batches, relay.calls) == ([[[1, "a", 0, 1]], [[2, "a", 0, 1]]], 1)


def test_nobody_is_called_when_a_task_is_promised_already(relay: Relay, running: gevent.Greenlet) -> None:
    relay.promised = True
    for user in (1, 2):
        relay.published.clear()
        relay.add((user, "a", 0, 1))
        assert relay.published.wait(PATIENCE)
    assert relay.calls == 0


def test_one_of_many_batches_that_gets_the_promise_is_enough(relay: Relay) -> None:
    relay.add(*((user, "a", 0, 1) for user in range(101)))
    assert relay.proofs.leave_due()
    assert len(relay.batches) == 2


def test_what_could_not_be_left_is_left_in_the_next_turn(relay: Relay, running: gevent.Greenlet) -> None:
    failures = [RedisError("away")]

    def fail_once() -> None:
        if failures:
            raise failures.pop()

    relay.publishing = fail_once
    relay.add((1, "a", 0, 1))
    assert relay.called.wait(PATIENCE)
    assert relay.batches == [[[1, "a", 0, 1]]]


def test_a_promise_is_kept_though_redis_takes_no_more() -> None:
    relay = Relay()
    relay.add(*((number, f"1_{number}", 0, 1) for number in range(2, 152)))

    def fail_at_the_second() -> None:
        if relay.batches:
            raise RedisError("away")

    relay.publishing = fail_at_the_second
    assert relay.proofs.leave_due(), "a worker has to be called for the first"
    relay.publishing = lambda: None
    assert len(relay.sent()) == 50, "the others are left again"
