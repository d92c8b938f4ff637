"""A user's connections are sent their pages one after the other."""

import pytest

from realtime.backlog import ASK_AGAIN_SECONDS
from realtime.turns import Turns
from workers.backlog import Request


class Asked:
    """Turns, what they asked for, and a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.requests: list[tuple[str, int]] = []
        self.turns = Turns(self._ask, clock=lambda: self.now)

    def add(self, connection_id: str, serial: int = 1, user_id: int = 7) -> None:
        self.turns.add((connection_id, serial, user_id, None))

    def answered(self, connection_id: str, serial: int = 1, user_id: int = 7) -> None:
        self.turns.answered(user_id, connection_id, serial)

    def _ask(self, request: Request) -> None:
        self.requests.append(request[:2])


@pytest.fixture
def asked() -> Asked:
    return Asked()


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
    asked.turns.gone(7, "b")
    asked.turns.gone(7, "a")
    assert asked.requests == [("a", 1), ("c", 1)]
    asked.turns.gone(7, "c")
    asked.turns.gone(7, "never there")
    asked.add("d")
    assert asked.requests[2:] == [("d", 1)]
