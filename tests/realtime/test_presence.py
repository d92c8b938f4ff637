"""Tests that joins and leaves are announced, and those during an outage of Redis a little later."""

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Group

from infra import presence
from infra.redis import RedisError
from infra.tasks import Task
from realtime import presence as module
from realtime.presence import Presence
from tests.processes import PATIENCE

ALICE = 1
SOCKET = "socket"


class Friends:
    """A record of the tasks that inform friends, and a Redis that may be away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = False
        self.count = 1
        self.changes: list[list[tuple[int, int]]] = []
        self.may_count = Event()
        self.may_count.set()
        self.told: list[tuple[str, Any]] = []
        self.online: set[int] = set()
        monkeypatch.setattr(presence.Counts, "change", self._change)
        self.reports: list[dict[int, int]] = []
        monkeypatch.setattr(presence, "report", self._report)
        monkeypatch.setattr(presence, "online", lambda _users: self._unless_away(self.online))
        monkeypatch.setattr(presence, "GRACE", 0)
        monkeypatch.setattr(module, "send", self._send)

    def _change(self, changes: list[tuple[int, int]]) -> Any:
        self.changes.append(changes)
        self.may_count.wait()
        return self._unless_away([self.count] * len(changes))

    def _report(self, _relay: str, users: dict[int, int]) -> None:
        self.reports.append(self._unless_away(dict(users)))

    def _unless_away(self, answer: Any) -> Any:
        if self.away:
            raise RedisError("away")
        return answer

    def _send(self, task: Task, *arguments: Any) -> str:
        told = arguments[1] if task is Task.WELCOME else arguments
        self.told += self._unless_away([(task.name.lower(), each) for each in told])
        return "its id"

    def wait_counted(self, changes: int) -> None:
        """Wait until so many connections that came or went have been counted, or could not be."""
        with gevent.Timeout(PATIENCE):
            while sum(map(len, self.changes)) < changes:
                gevent.sleep(0.01)

    def wait_told(self, *expected: tuple[str, Any]) -> None:
        with gevent.Timeout(PATIENCE):
            while len(self.told) < len(expected):
                gevent.sleep(0.01)
        assert self.told == list(expected)


@pytest.fixture
def friends(monkeypatch: pytest.MonkeyPatch) -> Friends:
    return Friends(monkeypatch)


@pytest.fixture
def relay(friends: Friends) -> Iterator[Presence]:
    running = Group()
    relay = Presence("relay", spawn=running.spawn)
    relay.start()
    yield relay
    running.kill()


def connect(relay: Presence, *, reachable: bool = True) -> None:
    count = relay.came(ALICE, SOCKET, reachable=reachable)
    relay.welcome(ALICE, SOCKET, first=count == 1)


def test_who_comes_is_welcomed_and_told_of(relay: Presence, friends: Friends) -> None:
    connect(relay)
    friends.wait_told(("welcome", (SOCKET, ALICE, True)))


def test_who_is_there_already_is_not_told_of_again(relay: Presence, friends: Friends) -> None:
    friends.count = 2
    connect(relay)
    friends.wait_told(("welcome", (SOCKET, ALICE, False)))


@pytest.mark.parametrize("reachable", [True, False])
def test_who_came_while_redis_was_away_is_told_of_a_report_after_they_were_counted(
    relay: Presence, friends: Friends, reachable: bool
) -> None:
    """At the first report other relays may not have reported their users yet."""
    friends.away = True
    connect(relay, reachable=reachable)
    friends.away = False
    relay.report()
    gevent.sleep(0.1)
    assert friends.told == []
    for _ in range(2):
        relay.report()
    friends.wait_told(("welcome", (SOCKET, ALICE, True)))


def test_who_came_and_went_while_redis_was_away_is_not_welcomed(relay: Presence, friends: Friends) -> None:
    friends.away = True
    connect(relay)
    relay.left(ALICE, SOCKET)
    friends.wait_counted(2)
    friends.away = False
    for _ in range(3):
        relay.report()
    friends.wait_told(("announce", ALICE))


def test_who_went_while_redis_was_away_is_told_of_unless_they_are_back(relay: Presence, friends: Friends) -> None:
    friends.away = True
    for user_id in (ALICE, ALICE + 1):
        relay.left(user_id, SOCKET)
    friends.wait_counted(2)
    friends.away = False
    friends.online = {ALICE + 1}
    for _ in range(2):
        relay.report()
    friends.wait_told(("announce", ALICE))


def test_what_could_not_be_told_is_told_later(relay: Presence, friends: Friends) -> None:
    """Redis goes away between counting the user and sending the task."""
    count = relay.came(ALICE, SOCKET, reachable=True)
    friends.away = True
    relay.welcome(ALICE, SOCKET, first=count == 1)
    gevent.sleep(0.2)
    friends.away = False
    for _ in range(2):
        relay.report()
    friends.wait_told(("welcome", (SOCKET, ALICE, True)))


def test_those_who_come_and_go_meanwhile_are_counted_together_in_their_order(relay: Presence, friends: Friends) -> None:
    friends.may_count.clear()
    coming = [gevent.spawn(relay.came, ALICE, SOCKET, reachable=True)]
    friends.wait_counted(1)
    relay.left(ALICE, SOCKET)
    coming += [gevent.spawn(relay.came, user_id, SOCKET, reachable=True) for user_id in (ALICE, ALICE + 1)]
    gevent.idle()
    relay.left(ALICE + 1, SOCKET)
    friends.may_count.set()
    gevent.joinall(coming, timeout=PATIENCE, raise_error=True)
    assert [each.value for each in coming] == [1, 1, 1]
    assert friends.changes == [[(ALICE, 1)], [(ALICE, -1), (ALICE, 1), (ALICE + 1, 1), (ALICE + 1, -1)]]


def test_a_redis_that_hangs_keeps_nobody_waiting(friends: Friends) -> None:
    """Thousands may come before it shows, and each question takes seconds to fail."""
    friends.may_count.clear()
    running = Group()
    relay = Presence("relay", spawn=running.spawn, patience=0.05)
    relay.start()
    since = time.monotonic()
    with gevent.Timeout(PATIENCE):
        assert relay.came(ALICE, SOCKET, reachable=True) == 0
    assert time.monotonic() - since < PATIENCE / 2
    friends.may_count.set()
    for _ in range(2):
        relay.report()
    friends.wait_told(("welcome", (SOCKET, ALICE, True)))
    running.kill()


def test_a_report_waits_for_whoever_is_being_counted(relay: Presence, friends: Friends) -> None:
    """Redis would otherwise take them off again until the next report."""
    friends.may_count.clear()
    coming = gevent.spawn(relay.came, ALICE, SOCKET, reachable=True)
    friends.wait_counted(1)
    reporting = gevent.spawn(relay.report)
    gevent.sleep(0)
    assert friends.reports == []
    friends.may_count.set()
    gevent.joinall([coming, reporting], PATIENCE, raise_error=True)
    assert friends.reports == [{ALICE: 1}]


def test_reports_hold_also_those_whom_nobody_could_count(relay: Presence, friends: Friends) -> None:
    relay.came(ALICE, SOCKET, reachable=False)
    relay.report()
    friends.away = True
    relay.came(ALICE + 1, SOCKET, reachable=True)
    relay.left(ALICE, SOCKET)
    friends.wait_counted(2)
    friends.away = False
    relay.report()
    assert friends.reports == [{ALICE: 1}, {ALICE + 1: 1}]
