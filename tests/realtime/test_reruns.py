"""Tests that after a lost link all connections pause at once, and run their backlog again in turn."""

import pytest

from realtime.reruns import Reruns


class Fake:
    """Replaces a connection. All share one record of the calls, in their order."""

    def __init__(self, name: str, told: list[str]) -> None:
        self._name = name
        self._told = told

    def pause(self) -> None:
        self._told.append(f"pause {self._name}")

    def rerun_backlog(self) -> None:
        self._told.append(f"rerun {self._name}")


class Lost:
    """Reruns whose clock moves while they sleep."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.told: list[str] = []
        self.reruns = Reruns(per_second=20, clock=lambda: self.now, sleep=self._sleep)

    def link(self, count: int = 1) -> None:
        """Report that the link was lost and is restored, with that many connections."""
        self.reruns.add([Fake(str(number), self.told) for number in range(count)])  # type: ignore[misc]

    def reran(self) -> float:
        """Step until the next connection gets its turn. Returns how long that took, in seconds."""
        before, since = self.told.count("rerun 0"), self.now
        while self.told.count("rerun 0") == before:
            self.reruns.step()
        return since_rounded(self.now - since)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds


def since_rounded(seconds: float) -> float:
    return round(seconds, 1) - 0.1  # `step` sleeps 0.1 s after each turn


@pytest.fixture
def lost() -> Lost:
    return Lost()


def test_all_hold_at_once_and_have_their_turn_at_the_given_pace(lost: Lost) -> None:
    lost.link(5)
    assert lost.told == [f"pause {number}" for number in range(5)]
    for reran in (2, 4, 5):
        lost.reruns.step()
        assert lost.told[5:] == [f"rerun {number}" for number in range(reran)]
    assert lost.now == pytest.approx(1_000.3)


def test_a_loss_amid_the_reruns_begins_them_anew(lost: Lost) -> None:
    lost.link(4)
    lost.reruns.step()
    lost.told.clear()
    lost.link(3)
    for _ in range(5):
        lost.reruns.step()
    assert lost.told == [*(f"pause {number}" for number in range(3)), *(f"rerun {number}" for number in range(3))]


def test_losses_that_follow_each_other_are_answered_more_and_more_slowly(lost: Lost) -> None:
    pauses = []
    for _ in range(7):
        lost.link()
        pauses.append(lost.reran())
    assert pauses == pytest.approx([0, 1, 2, 4, 8, 8, 8])


def test_after_a_quiet_while_a_loss_is_answered_at_once(lost: Lost) -> None:
    for _ in range(4):
        lost.link()
        lost.reran()
    lost.now += 61
    lost.link()
    assert lost.reran() == pytest.approx(0)


def test_a_link_without_connections_is_no_loss(lost: Lost) -> None:
    """The first link of a process is no loss, and must not delay the users who connect after it."""
    lost.link(0)
    lost.link()
    assert lost.reran() == pytest.approx(0)
