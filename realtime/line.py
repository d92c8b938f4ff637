"""Reading one socket: in the event loop, where what needs no waiting costs a call, and a greenlet for messages only.

The event loop reads only while no message is being dealt with, so that nothing piles up unread.
"""

from collections.abc import Callable
from ssl import SSLWantReadError
from typing import Any

import gevent

from infra import logs
from realtime.connection import Connection
from realtime.parser import Message, Parser

log = logs.get(__name__)

_READ = 1  # libev's
_MOST = 16 * 1024  # bytes read at once: what a TLS record holds, of which nothing may be left behind unseen


class Line:
    """One socket, read from now on until `stop`. `handle(message)` may wait.

    `pause()` returns the seconds in which nothing is to be read, because the peer has said too much.
    """

    def __init__(
        self,
        sock: Any,
        connection: Connection,
        parser: Parser,
        handle: Callable[[Message], None],
        pause: Callable[[], float],
    ) -> None:
        self._sock = sock
        self._connection = connection
        self._parser = parser
        self._handle = handle
        self._pause = pause
        self._open = True
        self._readable = gevent.get_hub().loop.io(sock.fileno(), _READ)
        self._readable.start(self._read)

    def stop(self) -> None:
        """End reading, before somebody else reads or the socket is closed."""
        if self._open:
            self._open = False
            self._readable.stop()
            self._readable.close()

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
        if messages := self._parser.take(data):
            self._readable.stop()
            gevent.spawn(self._deal_with, messages)
        elif self._parser.over:
            self._end()
        elif pause := self._pause():
            self._readable.stop()
            gevent.spawn_later(pause, self._read_on)

    def _deal_with(self, messages: list[Message]) -> None:
        for message in messages:
            if self._connection.outbound.closing is not None:
                return
            try:
                self._handle(message)
            except Exception:
                log.exception("message_failed")
        if self._parser.over:
            self._end()
        else:
            gevent.sleep(self._pause())
            self._read_on()

    def _read_on(self) -> None:
        if self._open:
            self._readable.start(self._read)

    def _end(self) -> None:
        """Only now, when the answers to all messages are queued, may the last frame be."""
        self.stop()
        self._connection.outbound.end(self._parser.last)
