"""Parsing a peer's bytes: `websockets`' sans-I/O protocol parses them, and control frames are dealt with at once.

Nothing in here waits, so that it can run in the event loop: every message pushed brings a pong, and waking a greenlet
for each would cost more than the message did.
"""

from collections.abc import Iterator
from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, Side, State

from realtime import frames, inbound
from realtime.connection import Connection
from realtime.frames import MAX_INBOUND

Message = str | bytes

_OURS = b"\x8a\x88"  # the start of a masked pong with a payload of eight bytes, as our serials are
_SIZE = 14
_BODY = 6  # where the payload begins, behind the mask
_MOST_OF_CONTROL = 125  # bytes that a control frame may carry (RFC 6455, 5.5)


class _Wrong(Exception):
    """What the protocol lets pass and the contract does not: the socket is closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Parser:
    """The parser of one peer. The protocol bounds a message, all fragments together, before it keeps their bytes."""

    def __init__(self, connection: Connection, bucket: inbound.Bucket, pings: inbound.Pings) -> None:
        # The protocol counts a control frame that comes within a message as a part of it, which RFC 6455, 5.4 does not.
        self._protocol = Protocol(Side.SERVER, max_size=MAX_INBOUND + _MOST_OF_CONTROL)
        self._broken = False
        self._connection = connection
        self._bucket = bucket
        self._pings = pings
        self._is_text = False
        self._fragments = bytearray()
        self._unparsed = 0  # bytes of an incomplete frame; too many if a length was written in more bytes than needed
        self.last = b""  # the bytes to send last, once `over`
        self.code: int | None = None  # the code with which this side closes; none when the peer does, or is gone

    @property
    def over(self) -> bool:
        """Whether nothing more is to be read: the peer has closed, is gone, or broke the protocol."""
        return self._broken or self._protocol.state is not State.OPEN

    @property
    def peers_code(self) -> int | None:
        """Returns the code with which the peer has closed, None if it has not."""
        return self._protocol.close_rcvd.code if self._protocol.close_rcvd else None

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
                messages += self._frame(frame, answers)
        except _Wrong as wrong:
            # Not by the protocol, which may have parsed the peer's close behind it, and says no more then.
            self._broken = True
            self.last, self.code = frames.close(wrong.code, wrong.reason), wrong.code
        else:
            if self.over:
                self.last = b"".join(answers)
                self.code = protocol.close_sent.code if protocol.close_sent and not protocol.close_rcvd else None
        return messages

    def _frame(self, frame: Frame, answers: Iterator[bytes]) -> list[Message]:
        self._unparsed -= _size(frame)
        if frame.opcode is Opcode.PONG:
            self._pings.pong(bytes(frame.data))
        elif frame.opcode is Opcode.PING:
            self._answer(next(answers))
        elif frame.opcode is not Opcode.CLOSE:
            return self._data(frame)
        return []

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
        """Returns the message that the frame completes, if it does. Raises _Wrong for too many bytes, or bad UTF-8."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        if len(self._fragments) + len(frame.data) > MAX_INBOUND:
            raise _Wrong(CloseCode.MESSAGE_TOO_BIG, "over 64 KiB")
        self._fragments += frame.data
        if not frame.fin:
            inbound.admit(self._connection, self._bucket)  # a fragment cannot be dropped, but it counts
            return []
        whole, self._fragments = bytes(self._fragments), bytearray()
        try:
            return [whole.decode() if self._is_text else whole]
        except UnicodeDecodeError:
            raise _Wrong(CloseCode.INVALID_DATA, "text is not UTF-8") from None


def _size(frame: Frame) -> int:
    """Returns the fewest bytes that a masked frame takes; a length written in more bytes than needed takes more."""
    length = len(frame.data)
    return _BODY + length + (0 if length < 126 else 2 if length < 65_536 else 8)
