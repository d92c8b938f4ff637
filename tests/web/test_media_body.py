"""Tests that an answer's bytes wait for a slow reader, but not for long, and that a storage's fault cuts it off."""

import errno
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import Timeout

from infra.storage import Damaged, StorageAway
from web.media_body import MediaBody


class Pieces:
    """Pieces of bytes, and then perhaps an error. It knows whether it was closed."""

    def __init__(self, *pieces: bytes, error: Exception | None = None) -> None:
        self._pieces = list(pieces)
        self._error = error
        self.closed = False

    def __iter__(self) -> "Pieces":
        return self

    def __next__(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        raise self._error or StopIteration

    def close(self) -> None:
        self.closed = True


def test_a_reader_who_does_not_take_a_piece_in_time_is_cut_off() -> None:
    body = MediaBody("m", pieces := Pieces(b"one", b"two"), taking_seconds=0.05)
    assert next(body) == b"one"
    with pytest.raises(ConnectionResetError) as caught:
        gevent.sleep(30)  # the server, as it writes
    assert caught.value.errno == errno.ECONNRESET  # gunicorn closes the connection, and logs no fault of ours
    body.close()
    assert pieces.closed


class Timers:
    """Stands for gevent's: it knows which timers run, and for how long each was set."""

    def __init__(self) -> None:
        self.set: list[float] = []
        self.running: list[Timeout] = []

    def start(self, seconds: float, error: BaseException) -> Timeout:
        timer = _Timer(seconds, error, self.running)
        self.set.append(seconds)
        self.running.append(timer)
        return timer


class _Timer(Timeout):
    def __init__(self, seconds: float, error: BaseException, running: list[Timeout]) -> None:
        super().__init__(seconds, error)
        self._running = running

    def close(self) -> None:
        super().close()
        self._running.remove(self)


def test_who_takes_the_pieces_has_as_long_for_each() -> None:
    timers = Timers()
    body = MediaBody("m", Pieces(*[b"x"] * 5), taking_seconds=7, timer=timers.start)
    assert [len(timers.running) for _ in body] == [1] * 5
    body.close()
    assert (timers.set, timers.running) == ([7] * 5, [])


@pytest.mark.parametrize("end", [list, MediaBody.close], ids=["read", "closed"])
def test_nothing_comes_after_the_end(end: Callable[[MediaBody], object]) -> None:
    timers = Timers()
    body = MediaBody("m", Pieces(b"one", b"two"), timer=timers.start)
    next(body)
    assert timers.running
    end(body)
    assert not timers.running
    body.close()


@pytest.mark.parametrize("error", [StorageAway("away"), Damaged("shorter")])
def test_a_storage_that_fails_cuts_the_answer_off(error: Exception) -> None:
    body = MediaBody("m", pieces := Pieces(b"one", error=error))
    taken: Iterator[bytes] = iter(body)
    assert next(taken) == b"one"
    with pytest.raises(ConnectionResetError):
        next(taken)
    body.close()
    assert pieces.closed
