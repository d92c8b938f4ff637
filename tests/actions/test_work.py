"""Tests that what is left goes together with what comes shortly after, where users do not wait for it."""

import pytest

from actions.work import bring
from infra.settings import settings


@pytest.fixture
def slept(database: str) -> list[float]:
    return []


def gather(slept: list[float], *, mine: bool = True) -> list[str]:
    """Returns what is done, in order, when the promise of the task is the caller's own or another's."""
    done: list[str] = []

    def leave() -> bool:
        done.append("leave")
        return mine

    bring(leave, call=lambda: done.append("call"), sleep=slept.append)
    return done


def test_a_task_takes_what_comes_within_a_fifth_of_a_second(slept: list[float]) -> None:
    assert gather(slept) == ["leave", "leave", "call"]
    assert slept == [0.2]


def test_where_users_wait_for_the_drain_a_task_goes_at_once(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAST_PUBLISH", "0")
    settings.cache_clear()
    assert gather(slept)[-1] == "call"
    assert slept == [0]


def test_who_has_promised_nothing_calls_nobody_and_does_not_wait(slept: list[float]) -> None:
    assert gather(slept, mine=False) == ["leave"]
    assert slept == []
