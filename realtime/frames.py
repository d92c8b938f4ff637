"""Frames: the contract's JSON inside RFC 6455's bytes.

Encoded here rather than by `websockets`, so that a frame for a thousand sockets is encoded once. A server's frames are
neither masked nor fragmented nor compressed (the extension is never accepted), so the bytes depend on nothing.
"""

import struct
from dataclasses import dataclass
from typing import Any

import orjson

from messaging.errors import Code
from messaging.frame import frame

MAX_INBOUND = 64 * 1024  # bytes of one message; more closes 1009
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89


class BadFrame(Exception):
    """What a client sent is not a frame of the contract. `kind` is its type as far as it could be told."""

    def __init__(self, detail: str, kind: str | None = None, code: Code = Code.INVALID) -> None:
        super().__init__(detail)
        self.detail = detail
        self.kind = kind
        self.code = code


@dataclass(frozen=True, slots=True)
class Inbound:
    """A frame from a client. Only a ping's content may be anything; elsewhere it is an object."""

    kind: str
    content: Any


def text(payload: bytes) -> bytes:
    """A text frame of JSON bytes (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", _TEXT, length) + payload
    if length < 65_536:
        return struct.pack("!BBH", _TEXT, 126, length) + payload
    return struct.pack("!BBQ", _TEXT, 127, length) + payload


def ping(serial: int) -> bytes:
    """A ping whose pong will bring the serial back."""
    return struct.pack("!BBQ", _PING, 8, serial)


def pong_serial(payload: bytes) -> int | None:
    """The serial of our ping that a pong answers, or None for one of the client's own making."""
    return int(struct.unpack("!Q", payload)[0]) if len(payload) == 8 else None


def close(code: int, reason: str = "") -> bytes:
    """A close frame; `reason` is at most 123 bytes."""
    body = struct.pack("!H", code) + reason.encode()
    return struct.pack("!BB", _CLOSE, len(body)) + body


def message(kind: str, content: dict[str, Any]) -> bytes:
    """A frame of the contract, ready for the socket."""
    return text(frame(kind, content))


def error(refused: BadFrame) -> bytes:
    """The contract's `error` frame."""
    return message("error", {"code": refused.code, "detail": refused.detail, "type": refused.kind})


def parse(raw: str | bytes) -> Inbound:
    """A client's message as a frame. Raises BadFrame."""
    if not isinstance(raw, str):
        raise BadFrame("binary frames are not understood")
    try:
        decoded = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadFrame("not valid JSON") from error
    if not isinstance(decoded, dict) or not isinstance(decoded.get("type"), str):
        raise BadFrame("an object with a type is expected")
    kind, content = decoded["type"], decoded.get("content") or {}
    if kind != "ping" and not isinstance(content, dict):
        raise BadFrame("content must be an object", kind)
    return Inbound(kind, content)
