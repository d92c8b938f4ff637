"""Tests that dirty shards are left for the workers, one task for many, and left again after any error."""

import threading
from collections.abc import Callable, Sequence

import pytest

from actions.poke import Poker
from infra.redis import RedisError
from tests.processes import wait_until

Log = list[list[int] | str]


class Workers:
    """Replaces Redis: records what is left and each call, in order, and raises the given errors in turn at `raises`.

    As long as nobody has called, a task counts as promised.
    """

    def __init__(self, *errors: Exception, raises: str = "leave", promised_elsewhere: bool = False) -> None:
        self.log: Log = []
        self._errors = list(errors)
        self._raises = raises
        self._promised = self._promised_elsewhere = promised_elsewhere

    def leave(self, shards: Sequence[int]) -> bool:
        self._fail("leave")
        self.log.append(list(shards))
        mine = not self._promised
        self._promised = True
        return mine

    def call(self) -> None:
        self._promised = False
        self._fail("call")
        self.log.append("call")

    def _fail(self, where: str) -> None:
        if self._errors and where == self._raises:
            raise self._errors.pop(0)


def poker(workers: Workers, *, gather_seconds: float = 0) -> Poker:
    return Poker(workers.leave, workers.call, gather_seconds=gather_seconds, retry_seconds=0)


def test_a_poke_is_left_and_a_worker_called() -> None:
    workers = Workers()
    poker(workers).poke(3)
    wait_until(lambda: workers.log == [[3], "call"], "the poke")


def test_nothing_stored_is_no_poke() -> None:
    workers = Workers()
    one = poker(workers)
    one.poke(None)
    one.poke(1)
    wait_until(lambda: workers.log == [[1], "call"], "the other poke alone")


def test_nobody_is_called_when_a_task_is_promised_already() -> None:
    workers = Workers(promised_elsewhere=True)
    one = poker(workers)
    for shard in (1, 2):
        one.poke(shard)
        wait_until(lambda shard=shard: workers.log[-1:] == [[shard]], "it to be left")  # type: ignore[misc]
    assert "call" not in workers.log


def held(leaving: Callable[[Sequence[int]], None]) -> tuple[Workers, Poker]:
    """Returns a poker that does `leaving` when it leaves its first shards, and the workers for whom."""
    workers = Workers()

    def leave(shards: Sequence[int]) -> bool:
        mine = workers.leave(shards)
        if len(workers.log) == 1:
            leaving(shards)
        return mine

    return workers, Poker(leave, workers.call, gather_seconds=0)


def test_what_gets_dirty_meanwhile_goes_together_by_the_same_task() -> None:
    leaving, go_on = threading.Event(), threading.Event()

    def wait(_: Sequence[int]) -> None:
        leaving.set()
        go_on.wait(60)

    workers, one = held(wait)
    one.poke(5)
    assert leaving.wait(60)
    for shard in (4, 9, 4):
        one.poke(shard)
    go_on.set()
    wait_until(lambda: workers.log == [[5], [4, 9], "call"], "the others together")


def test_a_promised_task_goes_also_when_nothing_more_comes() -> None:
    workers = Workers()
    poker(workers, gather_seconds=0.2).poke(1)
    wait_until(lambda: workers.log == [[1], "call"], "the task")


ERRORS = [RedisError("away"), OSError("away"), KeyError("a fault of kombu")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_what_could_not_be_left_is_left_later(error: Exception) -> None:
    workers = Workers(error, error)
    one = poker(workers)
    one.poke(1)
    wait_until(lambda: workers.log == [[1], "call"], "the poke after all")
    one.poke(2)
    wait_until(lambda: workers.log == [[1], "call", [2], "call"], "the next")


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_task_that_could_not_be_sent_is_sent_later(error: Exception) -> None:
    """What was left is left again: Redis may have lost it together with the task."""
    workers = Workers(error, error, raises="call")
    poker(workers).poke(1)
    wait_until(lambda: workers.log == [[1], [1], [1], "call"], "the task after all")
