"""Reading a socket: pongs in the event loop, everything else by the reading loop, and a clean end."""

from collections.abc import Iterator

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from realtime.line import Line
from realtime.pongs import Pongs
from tests.processes import PATIENCE

PONG = b"\x8a\x88" + bytes(4) + b"serial 1"
OTHER = b"\x81\x81" + bytes(4) + b"x"


class Heard:
    """Stands for the Connection."""

    def __init__(self) -> None:
        self.times = 0
        self.outbound = self

    def heard(self) -> None:
        self.times += 1


class Peer:
    """A line, the peer at its other end, and what simple-websocket's loop would do with what comes."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.heard = Heard()
        self.pongs: list[bytes] = []
        self.read: list[bytes] = []
        self.begun = 0
        self.ended = Event()
        self.free = Event()
        self.free.set()
        pongs = Pongs(self.pongs.append)
        self._pongs = pongs
        self.line = Line(self.ours, self.heard, pongs, self._loop)  # type: ignore[arg-type]

    def _loop(self) -> None:
        self.begun += 1
        while data := self.line.recv(4_096):
            self._pongs.follow(data)
            self.read.append(data)
            self.free.wait()
        self.ended.set()

    def wait_ended(self) -> None:
        assert self.ended.wait(PATIENCE)


def settle() -> None:
    """Let the event loop see what has been sent."""
    gevent.sleep(0.02)


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.free.set()
    peer.line.stop()
    peer.ours.close()
    peer.theirs.close()


def test_pongs_need_no_reading_loop(peer: Peer) -> None:
    for _ in range(3):
        peer.theirs.sendall(PONG)
        settle()
    assert peer.pongs == [b"serial 1"] * 3
    assert peer.heard.times == 3
    assert not peer.begun


def test_everything_else_comes_in_its_order(peer: Peer) -> None:
    for data in (OTHER, PONG, OTHER * 2, PONG):
        peer.theirs.sendall(data)
        settle()
    assert b"".join(peer.read) == OTHER * 3
    assert len(peer.pongs) == 2
    assert peer.begun == 1


def test_nothing_is_read_ahead_of_a_busy_reading_loop(peer: Peer) -> None:
    peer.free.clear()
    for _ in range(3):
        peer.theirs.sendall(OTHER)
        settle()
    assert peer.read == [OTHER]
    peer.free.set()
    settle()
    assert b"".join(peer.read) == OTHER * 3


def test_the_end_of_the_peer_ends_the_reading_loop(peer: Peer) -> None:
    peer.theirs.close()
    peer.wait_ended()
    assert peer.read == []


def test_a_broken_line_is_an_end(peer: Peer) -> None:
    peer.ours.sendall(b"unread")
    peer.theirs.close()  # with bytes unread: the line is reset
    peer.wait_ended()


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "waiting"])
def test_stopping_ends_the_reading_loop(peer: Peer, *, busy: bool) -> None:
    if busy:
        peer.free.clear()
    peer.theirs.sendall(OTHER)
    settle()
    peer.line.stop()
    peer.line.stop()
    peer.theirs.sendall(OTHER)
    peer.free.set()
    peer.wait_ended()
    assert peer.read == [OTHER], "somebody else may read now"
    assert peer.ours.recv(100) == OTHER
