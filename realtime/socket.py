"""From flask-sock's handler to a Connection: who reads, who writes, and how a socket ends.

simple-websocket keeps its reading loop and wsproto its parsing. What they would send goes into the connection's queue
instead, because one writer alone may touch the socket; messages are seen as they are parsed, so that nothing piles up
unread.
"""

from collections.abc import Callable, Iterator
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from flask import g
from wsproto.events import Message, Ping, Pong

from messaging.message import unix
from realtime import inbound
from realtime.connection import Connection
from realtime.hub import Hub
from realtime.line import Line
from realtime.outbound import linger
from realtime.pongs import Pongs

_SUBSCRIBE_SECONDS = 2.0
_KERNEL_BUFFER = 256 * 1024  # Linux would let one that does not read fill megabytes that no queue counts
_MOST_EARLY = 50
TOO_MANY = 4001
OVERLOADED = 1013
RESTARTING = 1012


def serve(hub: Hub, server: Any) -> None:
    """Run one upgraded socket until it ends. `server` is flask-sock's."""
    connection = Connection(g.claims, hub.proofs, hub.pages)
    sock = server.sock
    bucket = inbound.Bucket()
    pings = inbound.Pings(connection, bucket)
    line, read_messages = _take_over(server, connection, bucket, pings)
    joined = _welcome(hub, connection)
    try:
        read_messages()  # what came before hello, which is always the first frame
        connection.outbound.write_all(sock, pings.due)
        line.stop()
        linger(sock)
    finally:
        line.stop()
        if joined:
            hub.leave(connection)


def _welcome(hub: Hub, connection: Connection) -> bool:
    if hub.draining:
        connection.outbound.close(RESTARTING, "restarting")
        return False
    if not hub.join(connection):
        connection.outbound.close(TOO_MANY, "too many connections")
        return False
    # Redis may be away: then hello goes out now, and the backlog when the link is whole.
    hub.subscribed(connection).wait(_SUBSCRIBE_SECONDS)
    told = hub.hellos.ask(connection.claims.user_id)
    if told is None:
        connection.outbound.close(OVERLOADED, "temporarily unavailable")
        return True
    unread, now = told
    connection.welcome(unix(now), unread)
    hub.greet(connection)
    return True


def _take_over(
    server: Any, connection: Connection, bucket: inbound.Bucket, pings: inbound.Pings
) -> tuple[Line, Callable[[], None]]:
    """Put ourselves between simple-websocket and the socket. Returns the line, and what handles waiting messages."""
    server.sock.setsockopt(SOL_SOCKET, SO_SNDBUF, _KERNEL_BUFFER)

    def read_messages() -> None:
        if not connection.welcomed and len(server.input_buffer) > _MOST_EARLY:
            connection.outbound.close(OVERLOADED, "too much before hello")
        while connection.welcomed and server.input_buffer:
            inbound.handle(connection, bucket, server.input_buffer.pop(0))

    pongs = Pongs(pings.pong)
    server.ws = _Observed(
        server.ws, connection, pongs, pings.pong, read_messages, lambda: inbound.admit(connection, bucket)
    )
    server.sock = line = Line(server.sock, connection, pongs, server.thread.target, bucket.pause)
    return line, read_messages


class _Observed:
    """wsproto's connection: pongs and finished messages are told as they are parsed, and other frames are counted."""

    def __init__(
        self,
        ws: Any,
        connection: Connection,
        pongs: Pongs,
        on_pong: Callable[[bytes], None],
        on_message: Callable[[], None],
        admit: Callable[[], bool],
    ) -> None:
        self._ws = ws
        self._connection = connection
        self._pongs = pongs
        self._on_pong = on_pong
        self._on_message = on_message
        self._admit = admit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ws, name)

    def receive_data(self, data: bytes) -> None:
        self._pongs.follow(data)
        self._ws.receive_data(data)

    def events(self) -> Iterator[Any]:
        """Returns what simple-websocket is to see: nothing more of a peer that is being closed, no ping too many."""
        for event in self._ws.events():
            if self._connection.outbound.closing is not None:
                return
            if isinstance(event, Pong):
                self._on_pong(bytes(event.payload))
            elif isinstance(event, Ping) and not self._admit():
                continue
            yield event
            if isinstance(event, Message):
                if event.message_finished:
                    self._on_message()  # simple-websocket has put it together by now
                elif event.frame_finished:
                    self._admit()  # a fragment: it cannot be left out, but it counts
