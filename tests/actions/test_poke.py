"""Tests that each poke is sent once, together with others while a send is under way, and again after any error."""

import threading
from collections.abc import Callable, Sequence

import pytest

from actions.poke import Poker
from infra.redis import RedisError
from tests.processes import wait_until


class Sending:
    """Replaces the function that sends pokes: raises the given errors in turn, and then records what is sent."""

    def __init__(self, *errors: Exception) -> None:
        self.sent: list[list[int]] = []
        self._errors = list(errors)

    def __call__(self, shards: Sequence[int]) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.sent.append(list(shards))


def poker(send: Callable[[Sequence[int]], None]) -> Poker:
    return Poker(send, retry_seconds=0)


def test_a_poke_is_sent() -> None:
    send = Sending()
    poker(send).poke(3)
    wait_until(lambda: send.sent == [[3]], "the poke")


def test_nothing_stored_is_no_poke() -> None:
    send = Sending()
    one = poker(send)
    one.poke(None)
    one.poke(1)
    wait_until(lambda: send.sent == [[1]], "the other poke alone")


def test_what_gets_dirty_meanwhile_goes_together() -> None:
    sending, go_on = threading.Event(), threading.Event()
    sent: list[list[int]] = []

    def send(shards: Sequence[int]) -> None:
        sent.append(list(shards))
        sending.set()
        go_on.wait(60)

    one = poker(send)
    one.poke(5)
    assert sending.wait(60)
    for shard in (4, 9, 4):
        one.poke(shard)
    go_on.set()
    wait_until(lambda: sent == [[5], [4, 9]], "the others together")


@pytest.mark.parametrize("error", [RedisError("away"), OSError("away"), KeyError("a fault of kombu")], ids=repr)
def test_what_could_not_be_sent_is_sent_later(error: Exception) -> None:
    send = Sending(error, error)
    one = poker(send)
    one.poke(1)
    wait_until(lambda: send.sent == [[1]], "the poke after all")
    one.poke(2)
    wait_until(lambda: send.sent == [[1], [2]], "the next")
