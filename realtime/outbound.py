"""The bounded queue between whoever has something for a socket and its one writer.

Whole frames only, and everything through here: a second writer would mix two frames.
"""

from collections import deque
from collections.abc import Callable
from ssl import SSLWantWriteError
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
    """Frames on their way to one socket.

    They are written at the end of the turn of the event loop in which they came, all at once and from the loop itself:
    waking a greenlet for each frame would cost more than the frame. Only when the kernel does not take all of it does
    the handler's greenlet write the rest, and wait for the reader; meanwhile nobody else writes.
    """

    def __init__(self, *, write_seconds: float = WRITE_SECONDS) -> None:
        self._write_seconds = write_seconds
        self._frames: deque[bytes] = deque()
        self._bounded = self._bytes = 0  # what of it is bounded: how many frames and bytes
        self._rest = b""  # of what was given to the kernel: what it has not taken
        self._ready = Event()
        self._sock: Any = None  # while it is being written to
        self._due_ping: Callable[[], bytes] = bytes
        self._due = False
        self.closing: int | None = None
        self._ended = False

    def push(self, frame: bytes, *, bounded: bool = True) -> bool:
        """Queue one frame. False when the connection is ending, or now has to, because its queue is full.

        What is bounded by its own protocol (a page of backlog comes only after the last was answered) takes no room.
        """
        if self.closing is not None or self._ended:
            return False
        if bounded:
            if self.full:
                self.close(TOO_SLOW, "too slow a reader")
                return False
            self._bounded += 1
            self._bytes += len(frame)
        self._frames.append(frame)
        self.wake()
        return True

    @property
    def full(self) -> bool:
        """Whether there is no room for another bounded frame."""
        return self._bounded >= MAX_FRAMES or self._bytes >= MAX_BYTES

    @property
    def waiting(self) -> bool:
        """Whether anything is still to be handed to the kernel."""
        return bool(self._frames or self._rest)

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
        self.wake()

    def end(self, last: bytes = b"") -> None:
        """Nobody reads any more: write what is queued, then `last`, and stop."""
        self._ended = True
        if self.closing is None and last:
            self._frames.append(last)
        self.wake()

    def wake(self) -> None:
        """Have what waits written soon, and the ping that may be due."""
        if self._due or self._rest or self._sock is None:
            return
        self._due = True
        gevent.get_hub().loop.run_callback(self._write)

    def write_all(self, sock: Any, due_ping: Callable[[], bytes]) -> None:
        """Write until the connection ends; `due_ping()` gives bytes to append, or none. In the handler's greenlet."""
        self._sock, self._due_ping = sock, due_ping
        self.wake()
        try:
            while not self._over:
                self._ready.wait()
                self._ready.clear()
                while self._rest:
                    with gevent.Timeout(self._write_seconds):
                        sock.sendall(self._rest)
                    self._rest = b""
                    self._write()
        except (OSError, gevent.Timeout):
            self._give_up()
        finally:
            self._sock = None
            self._frames.clear()

    @property
    def _over(self) -> bool:
        return (self._ended or self.closing is not None) and not self.waiting

    def _write(self) -> None:
        """Give the kernel what it takes without waiting: in the event loop nothing may wait."""
        self._due = False
        if self._rest or self._sock is None:
            return
        try:
            chunk = self._take()
            self._rest = chunk[_send(self._sock, chunk) :] if chunk else b""
        except OSError:
            self._give_up()
        if self._rest or self._ended or self.closing is not None:
            self._ready.set()

    def _take(self) -> bytes:
        waiting = self._frames
        frames_pushed.inc(len(waiting))
        if self.closing is None and not self._ended and (ping := self._due_ping()):
            waiting.append(ping)
        chunk = b"".join(waiting)
        waiting.clear()
        self._bounded = self._bytes = 0
        return chunk

    def _give_up(self) -> None:
        self.closing = self.closing or TOO_SLOW
        self._frames.clear()
        self._rest = b""


def _send(sock: Any, chunk: bytes) -> int:
    """How much of it the kernel takes now."""
    sock.settimeout(0)
    try:
        return int(sock.send(chunk))
    except (BlockingIOError, SSLWantWriteError):
        return 0
    finally:
        sock.settimeout(None)


def linger(sock: Any, *, seconds: float = LINGER_SECONDS) -> None:
    """Let the peer read our last frame: closing with its bytes unread would reset the connection and lose it."""
    with gevent.Timeout(seconds, False):  # type: ignore[arg-type]  # False: just stop
        try:
            sock.shutdown(1)
            while sock.recv(65_536):
                pass
        except OSError:
            return  # the peer is gone already, which is all that we waited for
