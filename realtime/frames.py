"""Frames: the contract's JSON inside RFC 6455's bytes.

They are encoded here rather than by `websockets`, so that a frame for a thousand sockets is encoded once. A server's
frames are neither masked nor fragmented nor compressed (the extension is never accepted), so all sockets get the same.
"""

import struct
from dataclasses import dataclass
from typing import Any

import orjson

from messaging.errors import Code
from messaging.frame import frame

MAX_INBOUND = 64 * 1024  # bytes of one message; a larger one closes the socket with 1009
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89


class BadFrame(Exception):
    """A client's frame that is answered with `error`. `kind` is the frame's type, None if it could not be read.

    `client_msg_id` is that of a message that was to be sent, None for other frames.
    """

    def __init__(
        self, detail: str, kind: str | None = None, code: Code = Code.INVALID, client_msg_id: str | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.kind = kind
        self.code = code
        self.client_msg_id = client_msg_id


@dataclass(frozen=True, slots=True)
class Inbound:
    """A frame from a client. Its content is an object, except in a ping, where it may be anything."""

    kind: str
    content: Any


def text(payload: bytes) -> bytes:
    """Returns a text frame of JSON bytes (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", _TEXT, length) + payload
    if length < 65_536:
        return struct.pack("!BBH", _TEXT, 126, length) + payload
    return struct.pack("!BBQ", _TEXT, 127, length) + payload


def ping(serial: int) -> bytes:
    """Returns a ping whose pong will bring the serial back."""
    return struct.pack("!BBQ", _PING, 8, serial)


def pong_serial(payload: bytes) -> int | None:
    """Returns the serial of our ping that a pong answers, None for a pong that is not eight bytes long."""
    return int(struct.unpack("!Q", payload)[0]) if len(payload) == 8 else None


def close(code: int, reason: str = "") -> bytes:
    """Returns a close frame; `reason` is at most 123 bytes."""
    body = struct.pack("!H", code) + reason.encode()
    return struct.pack("!BB", _CLOSE, len(body)) + body


def message(kind: str, content: dict[str, Any]) -> bytes:
    """Returns a frame of the contract, ready for the socket."""
    return text(frame(kind, content))


def error(refused: BadFrame) -> bytes:
    """Returns the contract's `error` frame."""
    content: dict[str, Any] = {"code": refused.code, "detail": refused.detail, "type": refused.kind}
    if refused.client_msg_id is not None:
        content["client_msg_id"] = refused.client_msg_id
    return message("error", content)


def parse(raw: str | bytes) -> Inbound:
    """Returns a client's message as a frame. Raises BadFrame."""
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
