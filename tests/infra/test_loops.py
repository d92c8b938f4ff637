"""Tests that a loop goes on after an exception, and that a stalled loop is named."""

import threading

import pytest

from infra import loops
from infra.metrics import loop_stumbles
from tests.processes import wait_until


class _Ended(BaseException):
    """Raised to end a loop that would never end."""


def test_an_exception_does_not_end_a_loop() -> None:
    turns: list[str] = []
    pauses: list[float] = []

    def step() -> None:
        turns.append("turn")
        if len(turns) == 1:
            raise ZeroDivisionError
        raise _Ended

    with pytest.raises(_Ended):
        loops.forever("stumbling", step, sleep=pauses.append)
    assert len(turns) == 2
    assert len(pauses) == 1
    assert loop_stumbles.labels(loop="stumbling").collect()[0].samples[0].value == 1


def test_a_loop_that_stands_still_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "STALLED_SECONDS", 0.5)
    turns = threading.Semaphore(0)
    threading.Thread(target=loops.forever, args=("still", turns.acquire), daemon=True).start()
    wait_until(lambda: "still" in loops.stalled(), "the loop to be named")
    turns.release()
    wait_until(lambda: "still" not in loops.stalled(), "the loop to turn again")
