"""Tests of reading a socket: control frames in the event loop, messages in turn in a greenlet, and a clean end."""

import time
from collections.abc import Iterator
from types import SimpleNamespace

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from prometheus_client import REGISTRY

from infra.tokens import Claims
from realtime import frames, inbound
from realtime.connection import Connection
from realtime.delivered import Proofs
from realtime.line import Line
from realtime.parser import Parser
from tests.processes import PATIENCE

PING = b"\x89\x81" + bytes(4) + b"x"
PONG_OF_IT = b"\x8a\x01x"


def closed(code: int) -> float:
    """Returns how many sockets were counted as closed with this code."""
    return REGISTRY.get_sample_value("im_connections_closed_total", {"code": str(code)}) or 0


def text(content: bytes) -> bytes:
    """Returns a text frame as a client sends it, masked with zeros."""
    return bytes([0x81, 0x80 | len(content)]) + bytes(4) + content


class Peer:
    """A line with its writer, the peer at its other end, and a handler that waits until `free` is set."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.handled: list[str | bytes] = []
        self.pause = 0.0
        self.free = Event()
        self.free.set()
        claims = Claims(7, int(time.time()) + 3600, None, None)
        self.connection = Connection(claims, Proofs("relay"), lambda *_: None)
        bucket = inbound.Bucket()
        parser = Parser(self.connection, bucket, inbound.Pings(self.connection, bucket))
        self.line = Line(self.ours, self.connection, parser, self._handle, lambda: self.pause)
        self._writer = gevent.spawn(self.connection.outbound.write_all, self.ours, bytes)

    def _handle(self, message: str | bytes) -> None:
        self.handled.append(message)
        self.free.wait()
        if message == "fails":
            raise ZeroDivisionError

    def read(self, size: int) -> bytes:
        data = b""
        with gevent.Timeout(PATIENCE):
            while len(data) < size:
                data += self.theirs.recv(size - len(data))
        return data

    def wait_ended(self) -> None:
        """Wait until the writer has ended without an error."""
        self._writer.join(timeout=PATIENCE)
        assert self._writer.successful()

    def wait_handled(self, *messages: str) -> None:
        with gevent.Timeout(PATIENCE, False):
            while self.handled != list(messages):
                gevent.sleep(0.001)
        assert self.handled == list(messages)

    def close(self) -> None:
        self.free.set()
        self.line.stop()
        self._writer.kill()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setattr(inbound, "settings", lambda: SimpleNamespace(rate_limits=True))
    peer = Peer()
    yield peer
    peer.close()


def test_messages_come_whole_and_in_their_order(peer: Peer) -> None:
    stream = text(b"one") + PING + text(b"two") + text(b"three")
    for start in range(0, len(stream), 5):
        peer.theirs.sendall(stream[start : start + 5])
        gevent.sleep(0)
    peer.wait_handled("one", "two", "three")
    assert peer.read(3) == PONG_OF_IT


def test_nothing_is_read_ahead_of_a_handler_that_waits(peer: Peer) -> None:
    peer.free.clear()
    peer.theirs.sendall(text(b"one"))
    peer.wait_handled("one")
    peer.theirs.sendall(text(b"two") + PING)
    for _ in range(20):
        gevent.sleep(0)
    assert peer.handled == ["one"]
    assert not peer.connection.outbound.waiting
    peer.free.set()
    peer.wait_handled("one", "two")
    assert peer.read(3) == PONG_OF_IT


def test_a_message_that_fails_harms_no_other(peer: Peer) -> None:
    peer.theirs.sendall(text(b"fails") + text(b"two"))
    peer.wait_handled("fails", "two")
    peer.theirs.sendall(text(b"three"))
    peer.wait_handled("fails", "two", "three")
    told = frames.message("error", {"code": 100001, "detail": "a fault of the server", "type": None})
    assert peer.read(len(told)) == told


def test_who_has_said_too_much_is_read_later(peer: Peer) -> None:
    peer.pause = 0.01
    peer.theirs.sendall(PING)
    assert peer.read(3) == PONG_OF_IT
    peer.theirs.sendall(text(b"one"))
    peer.wait_handled("one")
    peer.theirs.sendall(text(b"two"))
    peer.wait_handled("one", "two")


def test_a_pause_that_does_not_end_leaves_all_unread(peer: Peer) -> None:
    peer.pause = 3600.0
    peer.theirs.sendall(PING)
    assert peer.read(3) == PONG_OF_IT
    peer.theirs.sendall(text(b"one"))
    for _ in range(20):
        gevent.sleep(0)
    assert peer.handled == []
    peer.line.stop()
    assert peer.ours.recv(100) == text(b"one")


def test_the_close_is_echoed_after_the_answers_to_what_came_before(peer: Peer) -> None:
    close = b"\x88\x82" + bytes(4) + b"\x03\xe8"
    peer.free.clear()
    peer.theirs.sendall(text(b"one") + close)
    peer.wait_handled("one")
    peer.connection.outbound.push(b"\x81\x02ok")
    peer.free.set()
    assert peer.read(8) == b"\x81\x02ok" + b"\x88\x02\x03\xe8"
    peer.wait_ended()


def test_the_end_of_the_peer_ends_the_connection(peer: Peer) -> None:
    peer.theirs.close()
    peer.wait_ended()


def test_a_broken_line_is_an_end(peer: Peer) -> None:
    peer.ours.sendall(b"unread")
    peer.theirs.close()  # bytes are unread, so the line is reset
    peer.wait_ended()


@pytest.mark.parametrize(("data", "code"), [(b"\x81\x01x", 1002), (text(b"\xff"), 1007)], ids=["no mask", "no UTF-8"])
def test_what_breaks_the_protocol_is_told_and_ends_the_connection(peer: Peer, data: bytes, code: int) -> None:
    before = closed(code)
    peer.theirs.sendall(data)
    assert peer.read(4)[2:] == code.to_bytes(2, "big")
    peer.wait_ended()
    assert closed(code) == before + 1


def test_who_closes_or_goes_is_not_counted_as_closed(peer: Peer) -> None:
    before = [closed(code) for code in (1000, 1002, 1006)]
    peer.theirs.sendall(b"\x88\x82" + bytes(4) + b"\x03\xe8")
    assert peer.read(4) == b"\x88\x02\x03\xe8"
    peer.wait_ended()
    assert [closed(code) for code in (1000, 1002, 1006)] == before


def test_messages_of_one_that_is_being_closed_are_left(peer: Peer) -> None:
    peer.free.clear()
    peer.theirs.sendall(text(b"one") + text(b"two"))
    peer.wait_handled("one")
    peer.connection.outbound.close(1008)
    peer.free.set()
    peer.wait_ended()
    assert peer.handled == ["one"]


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "waiting"])
def test_after_stopping_somebody_else_may_read(peer: Peer, *, busy: bool) -> None:
    if busy:
        peer.free.clear()
    peer.theirs.sendall(text(b"one"))
    peer.wait_handled("one")
    peer.line.stop()
    peer.line.stop()
    peer.theirs.sendall(text(b"two"))
    peer.free.set()
    for _ in range(20):
        gevent.sleep(0)
    assert peer.ours.recv(100) == text(b"two")
    assert peer.handled == ["one"]
