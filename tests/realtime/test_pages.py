"""Tests that a user's connections get their pages one after the other, and that users do not wait for each other."""

from collections.abc import Iterator

import gevent
import pytest
from celery.exceptions import OperationalError

from infra.tasks import Task
from realtime.pages import ASK_AGAIN_SECONDS, Pages
from tests.processes import PATIENCE
from workers.backlog import Request

LAST = 1_000_000  # requests of users from here on only mark that all before them were sent


class Asked:
    """Pages whose clock the test moves, and a record of what they asked workers for."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.away = False
        self.tasks: list[list[Request]] = []
        self.pages = Pages("relay", send_task=self._send, clock=lambda: self.now)
        self._last = LAST
        self._running = gevent.spawn(self.pages.run)

    def add(self, connection_id: str, serial: int = 1, user_id: int = 7) -> None:
        self.pages.ask((connection_id, serial, user_id, None))

    def answered(self, connection_id: str, serial: int = 1, user_id: int = 7) -> None:
        self.pages.answered(user_id, connection_id, serial)

    @property
    def requests(self) -> list[tuple[str, int]]:
        """Returns the connection and serial of all requests up to now, in their order."""
        self._last += 1
        self.add("last", user_id=self._last)
        with gevent.Timeout(PATIENCE):
            while not any(request[2] == self._last for task in self.tasks for request in task):
                gevent.sleep(0.001)
        return [request[:2] for task in self.tasks for request in task if request[2] < LAST]

    def end(self) -> None:
        self._running.kill()

    def _send(self, task: Task, relay_id: str, requests: list[Request]) -> None:
        assert (task, relay_id) == (Task.SEND_PAGES, "relay")
        if self.away:
            self.away = False
            raise OperationalError
        self.tasks.append(requests)


@pytest.fixture
def asked() -> Iterator[Asked]:
    asked = Asked()
    yield asked
    asked.end()


def test_users_do_not_wait_for_each_other(asked: Asked) -> None:
    asked.add("a", user_id=1)
    asked.add("b", user_id=2)
    assert asked.requests == [("a", 1), ("b", 1)]


def test_a_users_connections_wait_for_each_other(asked: Asked) -> None:
    for name in "abc":
        asked.add(name)
    assert asked.requests == [("a", 1)]
    asked.answered("a")
    assert asked.requests == [("a", 1), ("b", 1)]
    asked.add("a", 2)
    asked.answered("b")
    asked.answered("c")
    assert asked.requests == [("a", 1), ("b", 1), ("c", 1), ("a", 2)]
    asked.answered("a", 2)
    asked.add("b", 2)
    assert asked.requests[4:] == [("b", 2)], "nobody waits any more"


def test_another_answer_ends_no_turn(asked: Asked) -> None:
    asked.add("a", 2)
    asked.add("b", 1)
    for name, serial in (("a", 1), ("b", 1), ("c", 1)):
        asked.answered(name, serial)
    asked.answered("a", 2, user_id=8)
    assert asked.requests == [("a", 2)]


def test_who_asks_again_does_not_wait_for_oneself(asked: Asked) -> None:
    asked.add("a", 1)
    asked.add("a", 1)
    asked.add("a", 2)
    assert asked.requests == [("a", 1), ("a", 1), ("a", 2)]


def test_who_asks_again_while_waiting_keeps_the_place_with_the_newer_request(asked: Asked) -> None:
    for name, serial in (("a", 1), ("b", 1), ("c", 1), ("b", 2)):
        asked.add(name, serial)
    asked.answered("a")
    asked.answered("b", 2)
    assert asked.requests == [("a", 1), ("b", 2), ("c", 1)]


def test_a_lost_answer_holds_nobody_up_for_long(asked: Asked) -> None:
    asked.add("a")
    asked.add("b")
    asked.now += ASK_AGAIN_SECONDS + 0.1
    asked.add("b")
    asked.add("c")
    assert asked.requests == [("a", 1), ("b", 1)]
    asked.answered("a")
    assert len(asked.requests) == 2, "that one came late: it is another's turn"
    asked.answered("b")
    assert asked.requests[2:] == [("c", 1)]


def test_who_has_gone_holds_nobody_up(asked: Asked) -> None:
    for name in "abc":
        asked.add(name)
    asked.pages.gone(7, "b")
    asked.pages.gone(7, "a")
    assert asked.requests == [("a", 1), ("c", 1)]
    asked.pages.gone(7, "c")
    asked.pages.gone(7, "never there")
    asked.add("d")
    assert asked.requests[2:] == [("d", 1)]


def test_what_is_asked_for_together_goes_in_one_task(asked: Asked) -> None:
    for number in range(5):
        asked.add("a", user_id=number)
    assert len(asked.requests) == 5
    assert len(asked.tasks) == 1


def test_a_redis_that_is_away_loses_what_is_asked_for_meanwhile_and_nothing_else(asked: Asked) -> None:
    asked.away = True
    asked.add("a", 1, user_id=1)
    with gevent.Timeout(PATIENCE):
        while asked.away:
            gevent.sleep(0.001)
    asked.add("a", 1, user_id=1)
    assert asked.requests == [("a", 1)]
