"""Tests of call limits counted in memory: exact in any window, and without a trace of callers who are gone."""

import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import pytest
from flask import Flask, g, request
from flask.testing import FlaskClient

from infra import limits
from infra.limits import EVERY_CALL, FORWARDS, GROUP_CHANGES, PASSWORDS, SENDS, Calls, Limit
from tests import databases


class Clock:
    """A clock, in seconds, that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_passes_and_the_next_waits_for_the_first_to_be_old(clock: Clock) -> None:
    calls = Calls(SENDS, clock=clock)
    assert [calls.take("alice") for _ in range(30)] == [0.0] * 30
    clock.now += 0.25
    assert calls.take("alice") == 0.75
    assert calls.take("bob") == 0.0
    clock.now += 0.75
    assert [calls.take("alice") for _ in range(30)] == [0.0] * 30
    assert calls.take("alice") == 1.0


def test_the_longer_window_holds_too(clock: Clock) -> None:
    calls = Calls(SENDS, clock=clock)
    for _ in range(20):
        assert [calls.take("alice") for _ in range(30)] == [0.0] * 30
        clock.now += 1
    assert calls.take("alice") == 40.0
    clock.now += 40
    assert [calls.take("alice") for _ in range(30)] == [0.0] * 30


@pytest.mark.parametrize("most_at_once", [1, 5])
@pytest.mark.parametrize("seed", range(20))
def test_no_window_holds_more_and_none_is_refused_in_vain(clock: Clock, seed: int, most_at_once: int) -> None:
    chance = random.Random(seed)
    limit: Limit = ((5, 1.0), (20, 10.0))
    calls = Calls(limit, clock=clock)
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(2_000):
        clock.now += chance.choice([0, 0, 0, 0.015625, 0.125, 0.25, 1, 5])
        caller, count = chance.choice("abc"), chance.randint(1, most_at_once)
        free = min(most - sum(at > clock.now - seconds for at in taken[caller]) for most, seconds in limit)
        wait = calls.take(caller, count)
        assert (wait > 0) is (count > free)  # counted in the simplest way
        if not wait:
            taken[caller] += [clock.now] * count


def test_many_at_once_wait_until_all_of_them_fit(clock: Clock) -> None:
    calls = Calls(FORWARDS, clock=clock)
    assert calls.take("alice", 1_000) == 0.0
    clock.now += 20
    assert calls.take("alice", 999) == 0.0
    assert calls.take("alice", 2) == 40.0
    assert calls.take("alice") == 0.0, "what was refused is not counted"
    assert calls.take("alice", 1_000) == 40.0
    clock.now += 40
    assert calls.take("alice", 1_000) == 0.0


def test_a_hundred_thousand_who_are_gone_leave_nothing_behind(clock: Clock) -> None:
    calls = Calls(SENDS, clock=clock)
    for user_id in range(100_000):
        calls.take(user_id)
    clock.now += 60
    for _ in range(50_000):
        clock.now += 1
        calls.take("who stays")
    assert len(calls) == 1


def test_however_many_come_no_more_are_remembered(clock: Clock) -> None:
    calls = Calls(PASSWORDS, most_callers=1_000, clock=clock)
    for number in range(10_000):
        calls.take(number)
        assert len(calls) <= 1_000
    assert sum(calls.take(9_999) == 0 for _ in range(60)) == 59, "the latest is"


def test_who_is_refused_again_and_again_costs_no_memory(clock: Clock) -> None:
    calls = Calls(PASSWORDS, clock=clock)
    assert sum(calls.take("alice") == 0 for _ in range(1_000)) == 60
    assert all(calls.take("alice") == 60 for _ in range(1_000))


def test_a_call_costs_the_same_however_many_callers_there_are(clock: Clock) -> None:
    costs = defaultdict(set)
    for others in (10, 1_000, 50_000):
        calls = Calls(SENDS, clock=clock)
        for user_id in range(others):
            calls.take(user_id)
        costs["while all are there"].add(_lines(partial(calls.take, "one more")))
        clock.now += 3_600
        costs["when all are gone"].add(_lines(partial(calls.take, "another")))
    assert {when: len(found) for when, found in costs.items()} == dict.fromkeys(costs, 1)


def _lines(work: Callable[[], object]) -> int:
    """Returns how many lines of Python some work executes."""
    count = 0

    def trace(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.fixture
def caller(clock: Clock) -> Iterator[FlaskClient]:
    """Yields a client of an app with `/plain`, `/limited` to PASSWORDS, and `/one` and `/other` together.

    `?user=` sets who is signed in.
    """
    app = Flask(__name__)

    @app.before_request
    def _who() -> None:
        if user := request.args.get("user"):
            g.claims = type("Claims", (), {"user_id": int(user)})

    app.add_url_rule("/plain", "plain", lambda: "")
    app.add_url_rule("/limited", "limited", limits.limited_to(PASSWORDS)(lambda: ""))
    for path in ("one", "other"):
        app.add_url_rule(f"/{path}", path, limits.limited_to(GROUP_CHANGES, together="both")(lambda: ""))
    with databases.configured("sqlite://"):
        limits.register(app, clock=clock)
        yield app.test_client()


def test_no_limit_has_a_process_remember_more_than_a_minute() -> None:
    """It is 100,000 callers' calls: what counts for longer is counted in the database."""
    assert max(seconds for limit in limits.COUNTED for _, seconds in limit) <= 60


def test_each_user_has_limits_of_their_own_for_each_call(caller: FlaskClient, clock: Clock) -> None:
    most = EVERY_CALL[0][0]
    assert [caller.get("/plain?user=1").status_code for _ in range(most + 1)] == [200] * most + [429]
    assert caller.get("/plain?user=2").status_code == 200
    assert caller.get("/plain").status_code == 200
    assert [caller.get("/limited?user=1").status_code for _ in range(61)] == [200] * 60 + [429]
    clock.now += 1
    assert caller.get("/plain?user=1").status_code == 200


def test_calls_that_are_counted_together_share_a_limit(caller: FlaskClient, clock: Clock) -> None:
    both = ["/one?user=1", "/other?user=1"]
    assert [caller.get(path).status_code for path in both * 10] == [200] * 20
    assert [caller.get(path).status_code for path in both] == [429, 429]
    assert [caller.get(path).status_code for path in ("/plain?user=1", "/one?user=2")] == [200, 200]
    for _ in range(9):
        clock.now += 1
        assert [caller.get(path).status_code for path in both * 10] == [200] * 20
    clock.now += 1
    assert [caller.get(path).headers["Retry-After"] for path in both] == ["50", "50"]


def test_who_has_not_signed_in_is_known_by_address(caller: FlaskClient) -> None:
    one, other = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}
    assert [caller.get("/limited", environ_base=one).status_code for _ in range(61)] == [200] * 60 + [429]
    assert caller.get("/limited", environ_base=other).status_code == 200


def test_an_ipv6_subscriber_is_one_caller(caller: FlaskClient) -> None:
    answers = [
        caller.get("/limited", environ_base={"REMOTE_ADDR": f"2001:db8:0:1::{number:x}"}).status_code
        for number in range(1, 62)
    ]
    assert answers == [200] * 60 + [429]
    assert caller.get("/limited", environ_base={"REMOTE_ADDR": "2001:db8:0:2::1"}).status_code == 200


def test_a_refusal_says_when_to_come_back_and_nothing_else_does(caller: FlaskClient, clock: Clock) -> None:
    answers = [caller.get("/limited") for _ in range(60)]
    assert not [name for each in answers for name, _ in each.headers if "Rate" in name or "Retry" in name]
    clock.now += 12.5
    refused = caller.get("/limited")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "48")
    clock.now += 47.49
    assert caller.get("/limited").headers["Retry-After"] == "1"
    clock.now += 0.01
    assert caller.get("/limited").status_code == 200
