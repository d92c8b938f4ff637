"""Our pongs are found in what a peer sends, however it is cut, and wsproto is given everything else as it came."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import Event, Message, Ping, Pong

from realtime.pongs import Pongs

SERIALS = st.integers(0, 2**64 - 1).map(lambda serial: serial.to_bytes(8, "big"))
EVENTS = st.one_of(
    SERIALS.map(Pong),
    SERIALS.map(Pong),
    st.binary(max_size=12).map(Pong),
    st.binary(max_size=8).map(Ping),
    st.binary(max_size=300).map(lambda data: Message(data=data)),
    st.just(Message(data=b"x" * 70_000)),
    st.binary(max_size=20).map(lambda data: Message(data=data, message_finished=False)),
)


class Reader:
    """A server's side: wsproto behind Pongs."""

    def __init__(self) -> None:
        self.ws = Connection(ConnectionType.SERVER)
        self.seen: list[bytes] = []
        self.pongs = Pongs(self.seen.append)
        self.others: list[Event] = []

    def read(self, chunk: bytes) -> None:
        if self.pongs.take(chunk):
            return
        self.pongs.follow(chunk)
        self.ws.receive_data(chunk)
        for event in self.ws.events():
            if isinstance(event, Pong):
                self.seen.append(bytes(event.payload))
            else:
                self.others.append(event)


def sent(events: list[Any]) -> list[bytes]:
    """As a client sends them, masked."""
    client = Connection(ConnectionType.CLIENT)
    return [bytes(client.send(event)) for event in events]


def told(events: list[Any]) -> tuple[bytes, int]:
    """All data of messages, and how many pings."""
    data = b"".join(bytes(event.data) for event in events if isinstance(event, Message))
    return data, sum(isinstance(event, Ping) for event in events)


@given(events=st.lists(EVENTS, max_size=12), cuts=st.lists(st.integers(0, 2_000), max_size=20), whole=st.booleans())
def test_nothing_is_lost_or_taken_for_another(events: list[Any], cuts: list[int], *, whole: bool) -> None:
    pieces = sent(events)
    if not whole:
        stream = b"".join(pieces)
        places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
        pieces = [stream[start:end] for start, end in pairwise(places)]
    reader = Reader()
    for piece in filter(None, pieces):
        reader.read(piece)
    assert reader.seen == [bytes(event.payload) for event in events if isinstance(event, Pong)]
    assert told(reader.others) == told(events)


def test_a_pong_between_whole_frames_is_taken() -> None:
    message, one, two = sent([Message(data=b"x"), Pong(b"serial 1"), Pong(b"serial 2")])
    reader = Reader()
    reader.read(message)
    assert reader.pongs.take(one + two)
    assert reader.seen == [b"serial 1", b"serial 2"]


def test_the_bytes_of_a_pong_within_a_message_are_no_pong() -> None:
    (pong,) = sent([Pong(b"serial 1")])
    reader = Reader()
    reader.pongs.follow(b"\x82\x94" + bytes(4) + b"before")  # a message of 20 bytes, unmasked by zeros
    assert not reader.pongs.take(pong)
    reader.pongs.follow(pong)
    assert reader.pongs.take(pong), "the message is over"


def test_the_end_is_left_to_wsproto() -> None:
    assert not Reader().pongs.take(b"")
