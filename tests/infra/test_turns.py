"""Tests of turns: one at a time for each caller, who waits, and is forgotten in the end."""

from threading import Event, Thread

import pytest

from infra.turns import Turns


def test_a_caller_waits_for_their_own_turn_and_for_nobody_elses() -> None:
    turns, done = Turns(60), list[str]()
    waits = Event()

    def again() -> None:
        waits.set()
        with turns.turn("one"):
            done.append("again")

    thread = Thread(target=again)
    with turns.turn("one"):
        thread.start()
        assert waits.wait(60)
        with turns.turn("other"):
            done.append("other")
        done.append("one")
    thread.join(60)
    assert done == ["other", "one", "again"]


def test_a_turn_that_does_not_come_in_time_is_an_error() -> None:
    turns = Turns(0.01)
    with turns.turn(1):
        with pytest.raises(TimeoutError), turns.turn(1):
            pass
        assert len(turns) == 1
    with turns.turn(1):
        pass


def test_a_turn_ends_however_the_work_does_and_nothing_stays() -> None:
    turns = Turns(0.01)
    for error in (ValueError, SystemExit, GeneratorExit):
        with pytest.raises(error), turns.turn(1):
            raise error
    assert len(turns) == 0
