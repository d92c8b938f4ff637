"""The socket as simple-websocket may use it: what it writes waits its turn, and it is given all that comes but pongs.

Every message pushed brings a pong. It is read in the event loop, where it costs a call; waking a greenlet to have it
parsed cost more than the message. So simple-websocket's reading loop begins with the first thing that is no pong, and
the event loop reads only while that loop waits.
"""

from collections.abc import Callable
from ssl import SSLWantReadError
from typing import Any

import gevent
from gevent.event import AsyncResult

from realtime.connection import Connection
from realtime.pongs import Pongs

_READ = 1  # libev's
_MOST = 16 * 1024  # bytes read at once: what a TLS record holds, of which nothing may be left behind unseen


class ReadingLoop:
    """Is simple-websocket's `thread_class`: begins when it is told, not when simple-websocket starts it."""

    name = ""

    def __init__(self, target: Callable[[], None]) -> None:
        self.target = target

    def start(self) -> None:
        """Not yet."""


class Line:
    """One socket, from when it is taken over until `stop`. `reading_loop` calls `recv` until that gives nothing.

    `pause()` gives the seconds in which nothing is to be read, because the peer has said too much.
    """

    def __init__(
        self,
        sock: Any,
        connection: Connection,
        pongs: Pongs,
        reading_loop: Callable[[], None],
        pause: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._sock = sock
        self._connection = connection
        self._pongs = pongs
        self._reading_loop: Callable[[], None] | None = reading_loop
        self._pause = pause
        self._given: AsyncResult[bytes] = AsyncResult()
        self._open = True
        self._readable = gevent.get_hub().loop.io(sock.fileno(), _READ)
        self._readable.start(self._read)

    def recv(self, _size: int) -> bytes:
        """What has come next; nothing at the end."""
        if not self._open:
            return b""
        if not self._given.ready():
            gevent.sleep(self._pause())
            self._read_on()
        data: Any = self._given.get()
        self._given = AsyncResult()
        return bytes(data)

    def send(self, data: bytes) -> int:
        """Queue it, as a whole."""
        self._connection.outbound.push(data)
        return len(data)

    def close(self) -> None:
        """simple-websocket has read the last."""
        self._connection.outbound.end()

    def stop(self) -> None:
        """End reading, before somebody else reads or the socket is closed."""
        if self._open:
            self._open = False
            self._readable.stop()
            self._readable.close()
            self._given.set(b"")

    def _read(self) -> None:
        """In the event loop, where nothing may wait."""
        self._sock.settimeout(0)
        try:
            data = self._sock.recv(_MOST)
        except (BlockingIOError, SSLWantReadError):
            return
        except OSError:
            data = b""
        finally:
            self._sock.settimeout(None)
        if data:
            self._connection.heard()
        if not self._pongs.take(data):
            self._readable.stop()
            self._given.set(data)
            self._begin()
        elif pause := self._pause():
            self._readable.stop()
            gevent.spawn_later(pause, self._read_on)

    def _read_on(self) -> None:
        if self._open and not self._given.ready():
            self._readable.start(self._read)

    def _begin(self) -> None:
        if self._reading_loop:
            gevent.spawn(self._reading_loop)
            self._reading_loop = None
