"""Tests of telling which parts of a process do not work."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from infra.readiness import PATIENCE_SECONDS, Part, faults


def slow(seconds: float, answer: str = "") -> str:
    time.sleep(seconds)
    return answer


def broken() -> str:
    raise ValueError("with a secret in it")


def test_each_fault_names_its_part() -> None:
    parts = [Part("one", lambda: "is away; bring it back"), Part("two", lambda: ""), Part("three", broken)]
    assert faults(parts) == ["one: is away; bring it back", "three: could not be checked (ValueError); see the log"]


def test_those_who_ask_at_once_get_answers_of_their_own_time() -> None:
    """A part that has answered one caller may be asked by the next, while the first still waits for another part."""
    parts = [Part("fast", lambda: slow(0.01)), Part("slow", lambda: slow(0.015))]
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: faults(parts), range(160)))
    assert not any(answers)


def test_a_check_that_hangs_is_told_in_time_and_stays_the_only_one() -> None:
    over = threading.Event()
    begun: list[int] = []

    def hang() -> str:
        begun.append(1)
        over.wait()
        return ""

    parts = [Part("hung", hang), Part("well", lambda: "")]
    started = time.monotonic()
    with ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: faults(parts), range(3)))
    assert time.monotonic() - started < PATIENCE_SECONDS + 1
    assert answers == [["hung: has not answered for 3 s"]] * 3
    assert len(begun) == 1
    over.set()
    assert not faults(parts)
