"""Parsing a peer's bytes: `websockets`' sans-I/O protocol parses them, and control frames are dealt with at once.

Nothing in here waits, so that it can run in the event loop: every message pushed brings a pong, and waking a greenlet
for each would cost more than the message did.
"""

from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, State

from realtime import inbound
from realtime.connection import Connection

Message = str | bytes

_OURS = b"\x8a\x88"  # the start of a masked pong with a payload of eight bytes, as our serials are
_SIZE = 14
_BODY = 6  # where the payload begins, behind the mask


class Parser:
    """The parser of one peer. The protocol bounds a message, all fragments together, before it keeps their bytes."""

    def __init__(
        self, protocol: Protocol, connection: Connection, bucket: inbound.Bucket, pings: inbound.Pings
    ) -> None:
        self._protocol = protocol
        self._connection = connection
        self._bucket = bucket
        self._pings = pings
        self._is_text = False
        self._fragments = bytearray()
        self._unparsed = 0  # bytes of an incomplete frame; too many if a length was written in more bytes than needed
        self.last = b""  # the bytes to send last, once `over`

    @property
    def over(self) -> bool:
        """Whether nothing more is to be read: the peer has closed, is gone, or broke the protocol."""
        return self._protocol.state is not State.OPEN

    def take(self, data: bytes) -> list[Message]:
        """Returns the messages that are complete now. Empty data means that the peer is gone.

        Frames of a peer that is being closed are ignored.
        """
        if self._take_pongs(data):
            return []
        protocol = self._protocol
        self._unparsed += len(data)
        if data:
            protocol.receive_data(data)
        else:
            protocol.receive_eof()
        answers = iter(protocol.data_to_send())  # a pong for each ping, in their order; then a close, if it is over
        messages: list[Message] = []
        try:
            for frame in cast(list[Frame], protocol.events_received()):
                if self._connection.outbound.closing is not None:
                    break
                self._unparsed -= _size(frame)
                if frame.opcode is Opcode.PONG:
                    self._pings.pong(bytes(frame.data))
                elif frame.opcode is Opcode.PING:
                    self._answer(next(answers))
                elif frame.opcode is not Opcode.CLOSE:
                    messages += self._data(frame)
        except UnicodeDecodeError:
            protocol.fail(CloseCode.INVALID_DATA, "text is not UTF-8")
        if self.over:
            self.last = b"".join([*answers, *protocol.data_to_send()])
        return messages

    def _take_pongs(self, data: bytes) -> bool:
        """Deal with data that is only whole pongs of eight bytes, as most data is. Returns whether it was.

        It costs half of what the protocol's parser takes, and is possible only between two frames.
        """
        if self._unparsed or not data or len(data) % _SIZE or self._connection.outbound.closing is not None:
            return False
        starts = range(0, len(data), _SIZE)
        if any(data[start : start + 2] != _OURS for start in starts):
            return False
        for start in starts:
            body = start + _BODY
            mask = int.from_bytes(data[start + 2 : body] * 2, "big")
            payload = int.from_bytes(data[body : start + _SIZE], "big") ^ mask
            self._pings.pong(payload.to_bytes(8, "big"))
        return True

    def _answer(self, pong: bytes) -> None:
        if inbound.admit(self._connection, self._bucket):
            self._connection.outbound.push(pong)

    def _data(self, frame: Frame) -> list[Message]:
        """Returns the message that the frame completes, if it does. Raises UnicodeDecodeError."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._fragments += frame.data
        if not frame.fin:
            inbound.admit(self._connection, self._bucket)  # a fragment cannot be dropped, but it counts
            return []
        whole, self._fragments = bytes(self._fragments), bytearray()
        return [whole.decode() if self._is_text else whole]


def _size(frame: Frame) -> int:
    """Returns the fewest bytes that a masked frame takes; a length written in more bytes than needed takes more."""
    length = len(frame.data)
    return _BODY + length + (0 if length < 126 else 2 if length < 65_536 else 8)
