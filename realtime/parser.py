"""What a peer's bytes mean: `websockets`' sans-I/O protocol parses them, and control frames are dealt with at once.

Nothing in here waits, so that it can run in the event loop: every message pushed brings a pong, and waking a greenlet
for each would cost more than the message did.
"""

from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol, State

from realtime import inbound
from realtime.connection import Connection

Message = str | bytes


class Parser:
    """One peer's. The protocol bounds a message, all its fragments together, before it keeps their bytes."""

    def __init__(
        self, protocol: Protocol, connection: Connection, bucket: inbound.Bucket, pings: inbound.Pings
    ) -> None:
        self._protocol = protocol
        self._connection = connection
        self._bucket = bucket
        self._pings = pings
        self._is_text = False
        self._fragments = bytearray()
        self.last = b""  # what the peer is to be sent last, once it is over

    @property
    def over(self) -> bool:
        """Whether nothing more is to be read: the peer has closed, has gone, or broke the protocol."""
        return self._protocol.state is not State.OPEN

    def take(self, data: bytes) -> list[Message]:
        """Returns the messages that are whole now. No data means that the peer has gone.

        Nothing more of a peer that is being closed is dealt with.
        """
        protocol = self._protocol
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

    def _answer(self, pong: bytes) -> None:
        if inbound.admit(self._connection, self._bucket):
            self._connection.outbound.push(pong)

    def _data(self, frame: Frame) -> list[Message]:
        """Returns the message that the frame completes, if it does. Raises UnicodeDecodeError."""
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._fragments += frame.data
        if not frame.fin:
            inbound.admit(self._connection, self._bucket)  # it cannot be left out, but it counts
            return []
        whole, self._fragments = bytes(self._fragments), bytearray()
        return [whole.decode() if self._is_text else whole]
