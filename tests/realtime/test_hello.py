"""Tests that those who wait for `hello` at the same time are answered together, and never left without an answer."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Group

from db.errors import DatabaseUnavailable
from messaging.hello import Hello
from realtime import hello as module
from realtime.hello import Hellos
from tests.processes import PATIENCE

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - as the database says it


class Database:
    """Replaces the reading of what `hello` says, and records for whom it was read."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.failure: Exception | None = None
        self.may_answer = Event()
        self.may_answer.set()

    def read(self, _rule: Any, *, user_ids: list[int]) -> dict[int, Hello]:
        self.asked.append(user_ids)
        self.may_answer.wait()
        if self.failure:
            raise self.failure
        return {user_id: Hello(NOON, user_id * 10, None) for user_id in user_ids}


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    database = Database()
    monkeypatch.setattr(module, "read", database.read)
    return database


@pytest.fixture
def hellos() -> Iterator[Hellos]:
    running, hellos = Group(), Hellos()
    running.spawn(hellos.run)
    yield hellos
    running.kill()


def test_those_who_come_meanwhile_are_read_together(hellos: Hellos, database: Database) -> None:
    database.may_answer.clear()
    asking = [gevent.spawn(hellos.ask, 1)]
    with gevent.Timeout(PATIENCE):
        while not database.asked:
            gevent.sleep(0.01)
    asking += [gevent.spawn(hellos.ask, user_id) for user_id in (3, 2, 3)]
    gevent.idle()
    database.may_answer.set()
    gevent.joinall(asking, timeout=PATIENCE)
    assert [each.value and each.value.total_unread for each in asking] == [10, 30, 20, 30]
    assert database.asked == [[1], [2, 3]]


@pytest.mark.parametrize("failure", [DatabaseUnavailable("away"), ZeroDivisionError()])
def test_without_a_database_there_is_no_hello(hellos: Hellos, database: Database, failure: Exception) -> None:
    database.failure = failure
    assert hellos.ask(1) is None
    database.failure = None
    assert hellos.ask(1) == Hello(NOON, 10, None)


def test_nobody_waits_for_ever(hellos: Hellos, database: Database) -> None:
    database.may_answer.clear()
    assert hellos.ask(1, patience=0.05) is None
