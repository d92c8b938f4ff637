"""Tests that an answer's bytes wait for a slow reader, but not for long, and that a storage's fault cuts it off."""

import errno
from collections.abc import Iterator

import gevent
import pytest

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


def test_who_takes_the_pieces_has_as_long_for_each() -> None:
    body = MediaBody("m", Pieces(*[b"x"] * 5), taking_seconds=0.2)
    taken = 0
    for _ in body:
        taken += 1
        gevent.sleep(0.1)  # in all longer than for one
    body.close()
    assert taken == 5


def test_nothing_comes_after_the_end() -> None:
    for end in (lambda body: list(body), lambda body: body.close()):
        body = MediaBody("m", Pieces(b"one", b"two"), taking_seconds=0.02)
        next(body)
        end(body)
        gevent.sleep(0.1)  # would raise
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
