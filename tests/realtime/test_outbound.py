"""Tests of the frames that wait for one socket: bounded, written whole, and never after the close."""

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket
from prometheus_client import REGISTRY
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, TextMessage

from realtime import frames
from realtime.outbound import MAX_BYTES, MAX_FRAMES, Outbound, linger
from tests.processes import PATIENCE


class Wire:
    """An Outbound, its writer, and the peer at the other end of its socket."""

    def __init__(self, outbound: Outbound) -> None:
        self.outbound = outbound
        self.sock, self.peer = socket.socketpair()
        self.pings: list[bytes] = []
        self._writer: gevent.Greenlet | None = None

    def start(self) -> None:
        """Start the writer."""
        self._writer = gevent.spawn(self._write)

    def read_all(self) -> list[Event]:
        """Returns all events up to the end of the stream."""
        client = Connection(ConnectionType.CLIENT)
        with gevent.Timeout(PATIENCE):
            while data := self.peer.recv(65_536):
                client.receive_data(data)
        return list(client.events())

    def read(self, size: int) -> bytes:
        """Returns exactly `size` bytes."""
        data = b""
        with gevent.Timeout(PATIENCE):
            while len(data) < size:
                data += self.peer.recv(size - len(data))
        return data

    def join(self) -> None:
        """Wait until the writer has ended."""
        assert self._writer is not None
        self._writer.get(timeout=PATIENCE)

    def close(self) -> None:
        """Kill the writer, and close both ends."""
        if self._writer is not None:
            self._writer.kill()
        self.sock.close()
        self.peer.close()

    def _write(self) -> None:
        self.outbound.write_all(self.sock, lambda: self.pings.pop(0) if self.pings else b"")
        self.sock.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire(Outbound())
    yield wire
    wire.close()


@pytest.fixture
def impatient_wire() -> Iterator[Wire]:
    """Yields a wire whose writer gives up on a slow reader after 10 ms."""
    wire = Wire(Outbound(write_seconds=0.01))
    yield wire
    wire.close()


def text(content: str) -> bytes:
    return frames.text(content.encode())


def seen(events: list[Event]) -> list[str | int]:
    """Returns each text as a whole, each close as its code, and each ping as "ping"."""
    found: list[str | int] = []
    part = ""
    for event in events:
        if isinstance(event, TextMessage):
            part += event.data
            if event.message_finished:
                found.append(part)
                part = ""
        elif isinstance(event, CloseConnection):
            found.append(event.code)
        elif isinstance(event, Ping):
            found.append("ping")
    assert not part, "a frame was cut"
    return found


def overflow(count: int, frame: bytes) -> Callable[[Outbound], None]:
    """Returns a function that fills a queue. Exactly `count` such frames must fit."""

    def fill(queue: Outbound) -> None:
        for _ in range(count):
            assert queue.push(frame)
        assert not queue.push(frame)

    return fill


def test_frames_come_in_their_order(wire: Wire) -> None:
    for content in ("one", "two"):
        assert wire.outbound.push(text(content))
    wire.start()
    gevent.idle()
    wire.outbound.push(text("three"))
    wire.outbound.end()
    assert seen(wire.read_all()) == ["one", "two", "three"]


def test_large_frames_reach_a_slow_reader_whole(wire: Wire) -> None:
    contents = [letter * 300_000 for letter in "abc"]
    for content in contents:
        wire.outbound.push(text(content))
    wire.start()
    first = wire.read(1)
    wire.outbound.end()
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(first + b"".join(iter(lambda: wire.peer.recv(1_000), b"")))
    assert seen(list(client.events())) == contents


@pytest.mark.parametrize(
    "fill",
    [
        overflow(MAX_FRAMES, text("x")),
        overflow(2, text("x" * (MAX_BYTES // 2))),
        overflow(1, text("x" * MAX_BYTES)),
    ],
    ids=["frames", "bytes", "one frame"],
)
def test_a_queue_that_overflows_drops_what_waits_and_closes(wire: Wire, fill: Callable[[Outbound], None]) -> None:
    fill(wire.outbound)
    assert wire.outbound.closing == 1013
    wire.start()
    assert seen(wire.read_all()) == [1013]
    wire.join()


def test_what_was_written_makes_room(wire: Wire) -> None:
    wire.start()
    for _ in range(3):
        for _ in range(MAX_FRAMES):
            assert wire.outbound.push(text("x"))
        wire.read(3 * MAX_FRAMES)
    assert wire.outbound.closing is None


def test_what_another_rule_bounds_takes_no_room(wire: Wire) -> None:
    """A page of backlog may be larger than the queue, and must not close the connection of a user who comes back."""
    for _ in range(MAX_FRAMES * 2):
        assert wire.outbound.push(text("page"), bounded=False)
    assert wire.outbound.push(text("x" * MAX_BYTES), bounded=False)
    assert wire.outbound.push(text("live"))
    overflow(MAX_FRAMES - 1, text("x"))(wire.outbound)


def test_nothing_is_queued_after_a_close(wire: Wire) -> None:
    wire.outbound.push(text("lost"))
    wire.outbound.close(1008, "the token is no longer good")
    assert not wire.outbound.push(text("late"))
    assert not wire.outbound.push(text("late"), bounded=False)
    wire.pings.append(frames.ping(1))
    wire.start()
    assert seen(wire.read_all()) == [1008]
    assert wire.pings, "not even a ping"


def test_the_first_reason_to_close_stands(wire: Wire) -> None:
    wire.outbound.close(1008)
    wire.outbound.close(1012, last=text("reconnect"))
    wire.start()
    assert seen(wire.read_all()) == [1008]


def test_a_last_word_comes_before_the_close(wire: Wire) -> None:
    wire.outbound.push(text("lost"))
    wire.outbound.close(1012, "restarting", last=text("reconnect"))
    wire.start()
    assert seen(wire.read_all()) == ["reconnect", 1012]


def test_a_close_comes_while_a_frame_is_being_written(wire: Wire) -> None:
    large = "x" * 1_000_000
    wire.outbound.push(text(large))
    wire.start()
    first = wire.read(1)
    wire.outbound.push(text("dropped"))
    wire.outbound.close(1012)
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(first + b"".join(iter(lambda: wire.peer.recv(65_536), b"")))
    assert seen(list(client.events())) == [large, 1012], "the frame is whole, and then the close"


def test_a_due_ping_follows_what_is_written(wire: Wire) -> None:
    wire.pings.append(frames.ping(1))
    wire.outbound.push(text("one"))
    wire.start()
    gevent.idle()
    wire.outbound.push(text("two"))
    wire.outbound.end()
    assert seen(wire.read_all()) == ["one", "ping", "two"]


def test_a_ping_goes_out_alone_when_woken(wire: Wire) -> None:
    wire.start()
    gevent.idle()
    wire.pings.append(frames.ping(1))
    wire.outbound.wake()
    assert len(wire.read(10)) == 10


def test_waking_for_nothing_writes_nothing(wire: Wire) -> None:
    wire.start()
    for _ in range(3):
        wire.outbound.wake()
        gevent.idle()
    wire.outbound.end()
    assert wire.read_all() == []
    wire.join()


def test_a_peer_that_is_gone_ends_the_writer(wire: Wire) -> None:
    before = too_slow()
    wire.peer.close()
    wire.start()
    for _ in range(3):
        wire.outbound.push(text("x" * 100_000))
        gevent.idle()
    wire.join()
    assert wire.outbound.closing == 1013
    assert too_slow() == before, "the peer went, and was not closed"
    assert not wire.outbound.push(text("late"))


def too_slow() -> float:
    """Returns how many sockets were counted as closed because their reader was too slow."""
    return REGISTRY.get_sample_value("im_connections_closed_total", {"code": "1013"}) or 0


def test_a_reader_that_takes_nothing_ends_the_writer(impatient_wire: Wire) -> None:
    before = too_slow()
    impatient_wire.outbound.push(text("x" * (MAX_BYTES * 2)))
    impatient_wire.start()
    impatient_wire.join()
    assert impatient_wire.outbound.closing == 1013
    assert too_slow() == before + 1


def test_lingering_ends_with_the_peer() -> None:
    sock, peer = socket.socketpair()
    with sock, peer:
        lingering = gevent.spawn(linger, sock)
        assert peer.recv(1) == b"", "our side is shut"
        peer.sendall(b"what it still had to say")
        peer.close()
        lingering.get(timeout=PATIENCE)


def test_lingering_does_not_wait_for_ever() -> None:
    sock, peer = socket.socketpair()
    with sock, peer:
        lingering = gevent.spawn(linger, sock, seconds=0.01)
        lingering.join(PATIENCE)
        assert lingering.successful(), "it has ended, though the peer is still there"


def test_lingering_on_a_broken_line_is_over_at_once() -> None:
    sock, peer = socket.socketpair()
    peer.close()
    sock.close()
    lingering = gevent.spawn(linger, sock)
    lingering.join(PATIENCE)
    assert lingering.successful()
