"""What comes together is done together, in its order, and nothing twice."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import gevent
import pytest
from gevent.event import Event

from db.errors import DatabaseUnavailable
from infra.metrics import loop_stumbles
from realtime import hello
from realtime.batches import Batches
from realtime.hello import Hellos
from tests.processes import PATIENCE

NOW = datetime(2026, 1, 1)  # noqa: DTZ001  # as the database tells it


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
    """Nobody answers: the loop has lost what it was asked, or it stands still."""
    assert Hellos().ask(1, patience=0) is None


def test_who_asks_together_is_answered_from_one_transaction(hellos: Hellos, monkeypatch: pytest.MonkeyPatch) -> None:
    transactions: list[Any] = []

    def read(rule: Any) -> Any:
        transactions.append(rule)
        return rule(None, NOW)

    monkeypatch.setattr(hello, "read", read)
    monkeypatch.setattr(hello, "total_unread", lambda _session, user_id: user_id * 10)
    asking = [gevent.spawn(hellos.ask, user_id) for user_id in (3, 1, 2)]
    assert [each.get(timeout=PATIENCE) for each in asking] == [(30, NOW), (10, NOW), (20, NOW)]
    assert len(transactions) == 1


@pytest.mark.parametrize("trouble", [DatabaseUnavailable("away"), ValueError("a mistake of ours")], ids=type)
def test_trouble_is_told_and_passes(hellos: Hellos, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    def fail(_rule: Any) -> Any:
        raise trouble

    with monkeypatch.context() as broken:
        broken.setattr(hello, "read", fail)
        assert gevent.spawn(hellos.ask, 1).get(timeout=PATIENCE) is None
    monkeypatch.setattr(hello, "read", lambda _: [(5, NOW)])
    assert gevent.spawn(hellos.ask, 1).get(timeout=PATIENCE) == (5, NOW)
