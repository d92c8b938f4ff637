"""Reading one socket in the event loop: control frames cost a call, and only messages, which may wait, a greenlet.

The event loop does not read while a message is being dealt with, so that no messages pile up in memory.
"""

from collections.abc import Callable
from ssl import SSLWantReadError
from typing import Any

import gevent

from infra import logs
from messaging.errors import Code
from realtime import frames
from realtime.connection import Connection
from realtime.parser import Message, Parser

log = logs.get(__name__)

_READ = 1  # libev's
_FAULT = frames.error(frames.BadFrame("a fault of the server", code=Code.INTERNAL))
_MOST = 16 * 1024  # bytes per read: a whole TLS record, because the loop does not see what TLS keeps


class Line:
    """The reader of one socket, from now on until `stop`. It calls `handle(message)`, which may wait.

    `pause()` returns for how many seconds not to read, because the peer has sent too much.
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
        """Stop reading. Call it before anything else reads the socket, and before it is closed."""
        if self._open:
            self._open = False
            self._readable.stop()
            self._readable.close()

    def _read(self) -> None:
        """Read once. It runs in the event loop, where nothing may wait."""
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
                self._connection.outbound.push(_FAULT)
        if self._parser.over:
            self._end()
        else:
            gevent.sleep(self._pause())
            self._read_on()

    def _read_on(self) -> None:
        if self._open:
            self._readable.start(self._read)

    def _end(self) -> None:
        """End reading, and queue the last frame. Messages that still wait to be stored are given up."""
        self.stop()
        self._connection.outbound.end(self._parser.last, code=self._parser.code)
