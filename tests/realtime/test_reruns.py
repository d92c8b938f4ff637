"""Tests that after a lost link all connections pause at once, and run their backlog again in turn."""

from collections.abc import Callable, Collection
from types import SimpleNamespace

import pytest

from realtime.reruns import Reruns


class Fake:
    """Replaces a connection. All share one record of the calls, in their order."""

    def __init__(self, name: str, told: list[str]) -> None:
        self.claims = SimpleNamespace(user_id=int(name))
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
        self.unsettled: set[int] = set()  # users whose groups cannot be read
        self.while_settling: Callable[[], object] = lambda: None
        self.reruns = Reruns(self._settle, per_second=20, clock=lambda: self.now, sleep=self._sleep)

    def link(self, count: int = 1) -> None:
        """Report that the link was lost and is restored, with that many connections."""
        self.reruns.add([Fake(str(number), self.told) for number in range(count)])  # type: ignore[misc]

    def reran(self) -> float:
        """Step until the next connection gets its turn. Returns how long that took, in seconds."""
        before, since = self.told.count("rerun 0"), self.now
        while self.told.count("rerun 0") == before:
            self.reruns.step()
        return since_rounded(self.now - since)

    def _settle(self, user_ids: Collection[int]) -> set[int]:
        self.while_settling()
        return set(user_ids) - self.unsettled

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


def test_a_backlog_is_not_run_before_its_users_groups_are_known(lost: Lost) -> None:
    """Others do not wait for the one whose groups cannot be read."""
    lost.unsettled = {0}
    lost.link(3)
    for _ in range(3):
        lost.reruns.step()
    assert lost.told[3:] == ["rerun 1", "rerun 2"]
    lost.unsettled = set()
    lost.reruns.step()
    assert lost.told[5:] == ["rerun 0"]


def test_while_no_groups_can_be_read_it_is_tried_again_every_second(lost: Lost) -> None:
    lost.unsettled = {0, 1}
    lost.link(2)
    for _ in range(4):
        lost.reruns.step()
    assert lost.now == pytest.approx(1_004)
    assert lost.told == ["pause 0", "pause 1"]


def test_a_loss_while_groups_are_read_begins_anew(lost: Lost) -> None:
    """What was read before is not trusted."""

    def lose_once_more() -> None:
        lost.while_settling = lambda: None
        lost.link(2)

    lost.while_settling = lose_once_more
    lost.link(2)
    lost.reruns.step()
    assert lost.told == ["pause 0", "pause 1"] * 2
    lost.now += 1
    lost.reruns.step()
    assert lost.told[4:] == ["rerun 0", "rerun 1"]
