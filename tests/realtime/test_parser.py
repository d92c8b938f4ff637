"""Tests that a peer's bytes become messages, pongs and answered pings, however they are cut; a bad frame ends it."""

import struct
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Message, Ping, Pong, TextMessage

from realtime import inbound
from realtime.frames import MAX_INBOUND
from realtime.parser import Parser

TEXT, CONT, PING, PONG, CLOSE = 0x1, 0x0, 0x9, 0xA, 0x8
EVENTS = st.one_of(
    st.integers(0, 2**64 - 1).map(lambda serial: Pong(serial.to_bytes(8, "big"))),
    st.binary(max_size=12).map(Pong),
    st.binary(max_size=8).map(Ping),
    st.text(max_size=300).map(lambda data: TextMessage(data=data)),
    st.just(Message(data=b"x" * MAX_INBOUND)),
    st.tuples(st.binary(max_size=20), st.binary(max_size=20)),  # a message in two fragments
)


class Reader:
    """A parser, and a record of all that it finds in the bytes."""

    def __init__(self) -> None:
        self.closing: int | None = None
        self.pushed: list[bytes] = []
        self.pongs: list[bytes] = []
        self.messages: list[str | bytes] = []
        self.outbound = self
        pings = SimpleNamespace(pong=self.pongs.append)
        self.parser = Parser(self, inbound.Bucket(), pings)  # type: ignore[arg-type]

    def read(self, data: bytes) -> None:
        self.messages += self.parser.take(data)

    def push(self, frame: bytes) -> None:
        self.pushed.append(frame)

    def close(self, code: int, _reason: str) -> None:
        self.closing = code

    @property
    def code(self) -> int | None:
        """Returns the code of the close frame that the peer is sent last, None without one."""
        return struct.unpack("!H", self.parser.last[2:4])[0] if self.parser.last else None


def limits(monkeypatch: pytest.MonkeyPatch, *, on: bool) -> None:
    monkeypatch.setattr(inbound, "settings", lambda: SimpleNamespace(rate_limits=on))


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    limits(monkeypatch, on=True)
    return Reader()


def frame(opcode: int, data: bytes = b"", *, last: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """Returns a frame as a client sends it, masked with zeros."""
    head = bytes([(0x80 if last else 0) | reserved | opcode])
    length = (
        bytes([len(data) | 0x80 * masked]) if len(data) < 126 else struct.pack("!BH", 126 | 0x80 * masked, len(data))
    )
    return head + length + (bytes(4) if masked else b"") + data


def sent(events: list[Any]) -> list[bytes]:
    client = Connection(ConnectionType.CLIENT)
    return [b"".join(bytes(client.send(part)) for part in parts(event)) for event in events]


def parts(event: Any) -> list[Event]:
    if not isinstance(event, tuple):
        return [event]
    return [Message(data=event[0], message_finished=False), Message(data=event[1])]


def expected(events: list[Any]) -> list[str | bytes]:
    return [b"".join(each) if isinstance(each, tuple) else each.data for each in events if is_message(each)]


def is_message(event: Any) -> bool:
    return isinstance(event, tuple | Message)


@given(events=st.lists(EVENTS, max_size=12), cuts=st.lists(st.integers(0, 2_000), max_size=20), whole=st.booleans())
def test_nothing_is_lost_or_taken_for_another(events: list[Any], cuts: list[int], *, whole: bool) -> None:
    pieces = sent(events)
    if not whole:
        stream = b"".join(pieces)
        places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
        pieces = [stream[start:end] for start, end in pairwise(places)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        limits(monkeypatch, on=False)
        reader = Reader()
        for piece in filter(None, pieces):
            reader.read(piece)
    assert reader.pongs == [bytes(event.payload) for event in events if isinstance(event, Pong)]
    assert reader.messages == expected(events)
    pings = [bytes(event.payload) for event in events if isinstance(event, Ping)]
    assert reader.pushed == [bytes([0x80 | PONG, len(payload)]) + payload for payload in pings]
    assert not reader.parser.over


def test_a_character_may_be_split_between_fragments(reader: Reader) -> None:
    one, two = "\U0001f600".encode()[:2], "\U0001f600".encode()[2:]
    reader.read(frame(TEXT, one, last=False))
    reader.read(frame(CONT, two))
    assert reader.messages == ["\U0001f600"]


@pytest.mark.parametrize(
    "frames",
    [
        [frame(TEXT, b"\xff")],
        [frame(TEXT, b"\xf0\x9f")],
        [frame(TEXT, b"\xf0\x9f", last=False), frame(CONT, b"x")],
        [frame(TEXT, b"\xed\xa0\x80")],
    ],
    ids=["no character", "half a character", "half a character and another", "a surrogate"],
)
def test_text_that_is_no_utf_8_closes_1007(reader: Reader, frames: list[bytes]) -> None:
    reader.read(b"".join(frames) + frame(TEXT, b"late") + frame(CLOSE, struct.pack("!H", 1000)))
    assert reader.parser.over
    assert reader.code == 1007
    assert reader.messages == []


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"x", masked=False),
        *(frame(TEXT, b"x", reserved=bit) for bit in (0x40, 0x20, 0x10)),
        frame(0x3),
        frame(0xB),
        frame(CONT, b"x"),
        frame(TEXT, b"x", last=False) + frame(TEXT, b"x"),
        frame(PING, b"x", last=False),
        frame(PING, b"x" * 126),
        frame(CLOSE, b"x"),
        frame(CLOSE, struct.pack("!H", 1006)),
        frame(TEXT, b"x", last=False) + frame(CLOSE),
    ],
    ids=[
        *("unmasked", "reserved 1", "reserved 2", "reserved 3", "opcode 3", "opcode 11", "continues nothing"),
        *("not continued", "a ping in parts", "a long ping", "half a code", "code 1006", "closed in a message"),
    ],
)
def test_what_breaks_the_protocol_closes_1002(reader: Reader, data: bytes) -> None:
    reader.read(data)
    assert reader.parser.over
    assert reader.code == 1002
    assert reader.messages == []


def test_a_message_may_have_64_kib(reader: Reader) -> None:
    reader.read(sent([Message(data=b"x" * MAX_INBOUND)])[0])
    assert reader.messages == [b"x" * MAX_INBOUND]


def test_control_frames_within_a_message_are_no_part_of_its_size(reader: Reader) -> None:
    reader.read(frame(TEXT, b"x" * (MAX_INBOUND - 1), last=False) + frame(PING, b"p" * 125) + frame(PONG, b"p" * 125))
    reader.read(frame(CONT, b"x"))
    assert [len(message) for message in reader.messages] == [MAX_INBOUND]
    assert [len(pong) for pong in reader.pushed] == [127]


@pytest.mark.parametrize("fragments", [1, 2, 5])
def test_a_larger_one_closes_1009_before_it_has_come(reader: Reader, fragments: int) -> None:
    size = MAX_INBOUND // fragments + 1
    for number in range(fragments):
        head = bytes([TEXT if number == 0 else CONT, 0xFF]) + struct.pack("!Q", size) + bytes(4)
        reader.read(head)
        if not reader.parser.over:
            reader.read(b"x" * size)
    assert reader.parser.over
    assert reader.code == 1009


@pytest.mark.parametrize("body", [b"", struct.pack("!H", 1000), struct.pack("!H", 4000) + b"bye"], ids=repr)
def test_a_close_is_echoed_after_what_came_before_it(reader: Reader, body: bytes) -> None:
    reader.read(frame(TEXT, b"one") + frame(PING, b"x") + frame(CLOSE, body) + frame(TEXT, b"late"))
    assert reader.parser.over
    assert reader.messages == ["one"]
    assert reader.pushed == [bytes([0x80 | PONG, 1]) + b"x"]
    assert reader.parser.last == bytes([0x80 | CLOSE, len(body)]) + body


def test_an_independent_client_takes_the_echo_for_one(reader: Reader) -> None:
    client = Connection(ConnectionType.CLIENT)
    reader.read(bytes(client.send(CloseConnection(1000, "done"))))
    client.receive_data(reader.parser.last)
    (event,) = client.events()
    assert isinstance(event, CloseConnection)
    assert (event.code, event.reason) == (1000, "done")


@pytest.mark.parametrize("before", [b"", frame(TEXT, b"hel")[:5], frame(TEXT, b"x", last=False)], ids=repr)
def test_an_end_without_a_close_is_over_without_a_word(reader: Reader, before: bytes) -> None:
    if before:
        reader.read(before)
    reader.read(b"")
    assert reader.parser.over
    assert reader.parser.last == b""


def test_a_flood_of_pings_is_answered_within_the_rate_and_then_closed(reader: Reader) -> None:
    reader.read(frame(PING, b"x") * 5_000 + frame(TEXT, b"late"))
    assert reader.closing == inbound.POLICY_VIOLATION
    answered = reader.pushed.count(bytes([0x80 | PONG, 1]) + b"x")
    assert inbound.BURST <= answered < 1_000
    assert reader.messages == []


def test_a_flood_of_fragments_is_closed(reader: Reader) -> None:
    reader.read(frame(TEXT, last=False) + frame(CONT, last=False) * 5_000)
    assert reader.closing == inbound.POLICY_VIOLATION


def test_nothing_more_is_heard_of_one_that_is_being_closed(reader: Reader) -> None:
    reader.closing = 1008
    reader.read(frame(TEXT, b"late") + frame(PONG, b"late") + frame(PING, b"late"))
    assert (reader.messages, reader.pongs, reader.pushed) == ([], [], [])


def test_the_bytes_of_a_pong_within_a_message_are_no_pong(reader: Reader) -> None:
    pong = frame(PONG, b"serial 1")
    message = frame(TEXT, b"before" + b"\x0a\x08" + bytes(12))
    reader.read(message[:12])
    reader.read(pong)
    assert reader.pongs == []
