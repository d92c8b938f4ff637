"""Tests that items that come together are done as one batch, in order, and none twice."""

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from sqlalchemy import event

from db.errors import DatabaseUnavailable
from db.session import engine
from infra.metrics import loop_stumbles
from realtime.batches import Batches
from realtime.hello import Hellos
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, project, store_many
from tests.processes import PATIENCE


@pytest.fixture
def hellos() -> Iterator[Hellos]:
    hellos = Hellos()
    running = gevent.spawn(hellos.run)
    yield hellos
    running.kill()


def test_what_comes_meanwhile_is_the_next_batch() -> None:
    done: list[list[int]] = []
    go_on = Event()

    def do(batch: list[int]) -> None:
        done.append(batch)
        go_on.wait(PATIENCE)

    batches: Batches[int] = Batches("test", do)
    running = gevent.spawn(batches.run)
    batches.add(0)
    gevent.idle()
    for number in range(1, 121):
        batches.add(number)
    go_on.set()
    gevent.idle()
    assert [len(batch) for batch in done] == [1, 50, 50, 20]
    assert [number for batch in done for number in batch] == list(range(121))
    running.kill()


def test_a_batch_that_fails_is_the_only_one_to_fail() -> None:
    done: list[list[int]] = []

    def do(batch: list[int]) -> None:
        if batch == [1]:
            raise ZeroDivisionError
        done.append(batch)

    batches: Batches[int] = Batches("failing", do, sleep=lambda _: gevent.sleep(0))
    running = gevent.spawn(batches.run)
    for number in (1, 2):
        batches.add(number)
        gevent.idle()
    assert done == [[2]]
    assert loop_stumbles.labels(loop="failing").collect()[0].samples[0].value == 1
    running.kill()


def test_who_asks_in_vain_is_told_so() -> None:
    """No answer comes when the loop has lost the question, or stands still."""
    assert Hellos().ask(1, patience=0) is None


@pytest.fixture
def unread(database: str) -> None:
    """Send two messages from Alice to Bob and one to Carol."""
    for friend, count in ((BOB, 2), (CAROL, 1)):
        befriend(ALICE, friend)
        store_many(ALICE, friend, count)
    project()


def asked(hellos: Hellos, *user_ids: int) -> list[int | None]:
    """Ask for all users at once. Returns each one's unread count, None without an answer."""
    answers = [each.get(timeout=PATIENCE) for each in [gevent.spawn(hellos.ask, user_id) for user_id in user_ids]]
    return [answer and answer.total_unread for answer in answers]


def test_who_asks_together_is_answered_from_one_transaction(hellos: Hellos, unread: None) -> None:
    transactions: list[Any] = []
    event.listen(engine(), "begin", transactions.append)
    assert asked(hellos, CAROL, ALICE, BOB) == [1, 0, 2]
    assert len(transactions) == 1


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("away"), ValueError("a mistake of ours")], ids=type)
def test_trouble_is_told_and_passes(hellos: Hellos, unread: None, trouble: Exception) -> None:
    def fail(_connection: Any) -> None:
        raise trouble

    event.listen(engine(), "begin", fail)
    assert asked(hellos, BOB) == [None]
    event.remove(engine(), "begin", fail)
    assert asked(hellos, BOB) == [2]
