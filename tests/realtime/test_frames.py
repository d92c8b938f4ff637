"""Tests that another library reads our frames, and that bad frames of a client are found."""

from typing import Any

import orjson
import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage

from messaging.errors import Code
from realtime import frames
from realtime.frames import BadFrame, Inbound


def read(raw: bytes) -> list[Event]:
    """Returns the events that a client's library finds in bytes from the server."""
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(raw)
    return list(client.events())


def texts(raw: bytes) -> list[str]:
    """Returns the text messages in bytes from the server, with fragments joined."""
    found, parts = [], ""
    for event in read(raw):
        assert isinstance(event, TextMessage), event
        parts += event.data
        if event.message_finished:
            found.append(parts)
            parts = ""
    assert not parts
    return found


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_text_is_read_back_whatever_its_length(length: int) -> None:
    payload = "x" * length
    raw = frames.text(payload.encode())
    assert texts(raw) == [payload]
    assert texts(raw * 2) == [payload, payload], "the next frame begins where this one ends"


@pytest.mark.parametrize(("length", "head"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_lengths_are_written_as_short_as_they_go(length: int, head: int) -> None:
    assert len(frames.text(b"x" * length)) == length + head


def test_lengths_are_counted_in_bytes() -> None:
    payload = "文" * 42
    assert texts(frames.text(payload.encode())) == [payload]


def test_a_frame_of_the_contract_is_json() -> None:
    (text,) = texts(frames.message("typing", {"conversation_id": "1_2"}))
    assert orjson.loads(text) == {"type": "typing", "content": {"conversation_id": "1_2"}}


@pytest.mark.parametrize("reason", ["", "too slow a reader", "为什么", "x" * 123])
def test_a_close_says_why(reason: str) -> None:
    (event,) = read(frames.close(1013, reason))
    assert isinstance(event, CloseConnection)
    assert (event.code, event.reason or "") == (1013, reason)


@pytest.mark.parametrize("serial", [0, 1, 255, 2**32, 2**64 - 1])
def test_a_pong_brings_the_serial_of_its_ping_back(serial: int) -> None:
    (ping,) = read(frames.ping(serial))
    assert isinstance(ping, Ping)
    client, server = Connection(ConnectionType.CLIENT), Connection(ConnectionType.SERVER)
    server.receive_data(client.send(ping.response()))
    (pong,) = server.events()
    assert isinstance(pong, Pong)
    assert frames.pong_serial(bytes(pong.payload)) == serial


@pytest.mark.parametrize("payload", [b"", b"hello", b"\x00" * 7, b"\x00" * 9, b"x" * 125])
def test_a_pong_of_the_clients_own_making_has_no_serial(payload: bytes) -> None:
    assert frames.pong_serial(payload) is None


@pytest.mark.parametrize(
    ("raw", "inbound"),
    [
        ('{"type":"ping","content":{"a":[1]}}', Inbound("ping", {"a": [1]})),
        ('{"type":"ping"}', Inbound("ping", {})),
        ('{"type":"ping","content":null}', Inbound("ping", {})),
        ('{"type":"ping","content":[1]}', Inbound("ping", [1])),
        ('{"type":"ping","content":"x"}', Inbound("ping", "x")),
        (' {"type":"","content":{},"more":1} ', Inbound("", {})),
    ],
)
def test_an_object_with_a_type_is_a_frame(raw: str, inbound: Inbound) -> None:
    assert frames.parse(raw) == inbound


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"type":"ping"}', None),
        (bytearray(b"x"), None),
        *[(raw, None) for raw in ("", "{", "nonsense", "NaN", '{"type":"ping"}{}', "\ud800", "[" * 60_000)],
        *[(raw, None) for raw in ("null", "1", '"ping"', "[]", '["type"]', "{}")],
        *[(f'{{"type":{kind}}}', None) for kind in ("null", "1", "true", "[]", "{}")],
        *[(f'{{"type":"ack","content":{content}}}', "ack") for content in ("1", '"x"', "[1]", "true")],
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_anything_else_is_not(raw: Any, kind: str | None) -> None:
    with pytest.raises(BadFrame) as caught:
        frames.parse(raw)
    assert (caught.value.code, caught.value.kind) == (Code.INVALID, kind)
    assert caught.value.detail


def test_an_error_names_the_frame_that_was_refused() -> None:
    (text,) = texts(frames.error(BadFrame("too many frames", "ack", Code.TOO_MANY_REQUESTS)))
    content = {"code": 100010, "detail": "too many frames", "type": "ack"}
    assert orjson.loads(text) == {"type": "error", "content": content}


def test_an_error_about_an_unreadable_frame_names_none() -> None:
    (text,) = texts(frames.error(BadFrame("not valid JSON")))
    assert orjson.loads(text)["content"]["type"] is None
