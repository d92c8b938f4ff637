"""The bounded queue between whoever has something for a socket and the one greenlet that writes to it.

Whole frames only, and everything through here: simple-websocket's own `send` would cut a large frame to a slow
reader, and a second writer would mix two frames.
"""

from collections import deque
from typing import Any

import gevent
from gevent.event import Event

from infra.metrics import connections_closed, frames_pushed
from realtime import frames

MAX_FRAMES = 2_000
MAX_BYTES = 2 * 1024 * 1024
_BUSY_FRAMES = 50
WRITE_SECONDS = 10.0  # one write may take so long; then the reader is too slow
LINGER_SECONDS = 2.0

TOO_SLOW = 1013


class Outbound:
    """Frames on their way to one socket. `before_write()` may add the ping that asks how far they got."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bounded = self._bytes = 0  # what of it is bounded: how many frames and bytes
        self._ready = Event()
        self.closing: int | None = None
        self._ended = False
        self._writing = False

    def push(self, frame: bytes, *, bounded: bool = True) -> bool:
        """Queue one frame. False when the connection is closing, or now has to, because its queue is full.

        What is bounded by its own protocol (a page of backlog comes only after the last was answered) takes no room.
        """
        if self.closing is not None:
            return False
        if bounded and (self._bounded >= MAX_FRAMES or self._bytes >= MAX_BYTES):
            self.close(TOO_SLOW, "too slow a reader")
            return False
        self._frames.append(frame)
        if bounded:
            self._bounded += 1
            self._bytes += len(frame)
        self._ready.set()
        return True

    @property
    def waiting(self) -> bool:
        """Whether anything is still to be handed to the kernel."""
        return bool(self._frames) or self._writing

    @property
    def busy(self) -> bool:
        """Whether more waits than one write takes: what may be dropped should be."""
        return len(self._frames) > _BUSY_FRAMES

    def close(self, code: int, reason: str = "", *, last: bytes = b"") -> None:
        """Send `last`, then a close frame instead of whatever still waits, and end. The first reason given stands."""
        if self.closing is not None:
            return
        self.closing = code
        connections_closed.labels(code=code).inc()
        self._frames.clear()
        self._frames.append(last + frames.close(code, reason))
        self._ready.set()

    def end(self) -> None:
        """Nobody reads any more: write what is queued and stop."""
        self._ended = True
        self._ready.set()

    def wake(self) -> None:
        """Let the writer look whether a ping is due."""
        self._ready.set()

    def write_all(self, sock: Any, due_ping: Any) -> None:
        """Write until the connection ends; `due_ping()` gives bytes to append, or none. In the handler's greenlet."""
        try:
            while not (self._ended and not self._frames):
                self._ready.wait()
                self._ready.clear()
                if chunk := self._take() + (b"" if self.closing else due_ping()):
                    self._write(sock, chunk)
                if self.closing is not None and not self._frames:
                    return
        except (OSError, gevent.Timeout):
            self.closing = self.closing or TOO_SLOW
        finally:
            self._frames.clear()

    def _take(self) -> bytes:
        chunk = b"".join(self._frames)
        frames_pushed.inc(len(self._frames))
        self._frames.clear()
        self._bounded = self._bytes = 0
        return chunk

    def _write(self, sock: Any, chunk: bytes) -> None:
        self._writing = True
        with gevent.Timeout(WRITE_SECONDS):
            sock.sendall(chunk)
        self._writing = False


def linger(sock: Any) -> None:
    """Let the peer read our last frame: closing with its bytes unread would reset the connection and lose it."""
    with gevent.Timeout(LINGER_SECONDS, False):  # type: ignore[arg-type]  # False: just stop
        try:
            sock.shutdown(1)
            while sock.recv(65_536):
                pass
        except OSError:
            return  # the peer is gone already, which is all that we waited for
