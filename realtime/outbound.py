"""The bounded queue of frames for one socket, and the socket's only writer.

It takes whole frames, and everything goes through it: a second writer would mix two frames.
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
WRITE_SECONDS = 10.0  # longest time for one write; a slower reader is closed
LINGER_SECONDS = 2.0

TOO_SLOW = 1013


class Outbound:
    """The frames on their way to one socket.

    They are written at the end of the turn of the event loop in which they came, all at once and from the loop itself:
    waking a greenlet for each frame would cost more than the frame. Only when the kernel does not take all of it does
    the handler's greenlet write the rest, and wait for the reader; meanwhile the loop does not write.
    """

    def __init__(self, *, write_seconds: float = WRITE_SECONDS, written: Callable[[], None] = lambda: None) -> None:
        self._written = written
        self._write_seconds = write_seconds
        self._frames: deque[bytes] = deque()
        self._bounded = self._bytes = 0  # number and bytes of the queued frames that are bounded
        self._rest = b""  # what the kernel has not taken of the last write
        self._ready = Event()
        self._sock: Any = None  # set while `write_all` runs
        self._due_ping: Callable[[], bytes] = bytes
        self._due = False
        self.closing: int | None = None
        self._ended = False

    def push(self, frame: bytes, *, bounded: bool = True) -> bool:
        """Queue one frame. Returns False when the connection is ending, or is closed now because its queue is full.

        Frames that are not `bounded` take no room: their own protocol bounds them (a page of backlog comes only after
        the last was answered).
        """
        if not self.open:
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
    def open(self) -> bool:
        """Whether frames are still taken: not once the connection is being closed, or its peer is gone."""
        return self.closing is None and not self._ended

    @property
    def full(self) -> bool:
        """Whether there is no room for another bounded frame."""
        return self._bounded >= MAX_FRAMES or self._bytes >= MAX_BYTES

    @property
    def waiting(self) -> bool:
        """Whether anything has still to be given to the kernel."""
        return bool(self._frames or self._rest)

    @property
    def busy(self) -> bool:
        """Whether more than _BUSY_FRAMES wait, so that frames that may be dropped should be."""
        return len(self._frames) > _BUSY_FRAMES

    def close(self, code: int, reason: str = "", *, last: bytes = b"") -> None:
        """Replace all waiting frames by `last` and a close frame, and end. Only the first call counts."""
        if self.closing is not None:
            return
        self.closing = code
        connections_closed.labels(code=code).inc()
        self._frames.clear()
        self._frames.append(last + frames.close(code, reason))
        self.wake()

    def end(self, last: bytes = b"", *, code: int | None = None) -> None:
        """Write what is queued, then `last`, and stop: nothing more will be read.

        `code` is that of the close in `last` when this side closes, for the count.
        """
        self._ended = True
        if self.closing is None and code is not None:
            connections_closed.labels(code=code).inc()
        if self.closing is None and last:
            self._frames.append(last)
        self.wake()

    def wake(self) -> None:
        """Have waiting frames written soon, with the ping that may be due."""
        if self._due or self._rest or self._sock is None:
            return
        self._due = True
        gevent.get_hub().loop.run_callback(self._write)

    def write_all(self, sock: Any, due_ping: Callable[[], bytes]) -> None:
        """Write until the connection ends, in the handler's greenlet. `due_ping()` returns bytes to append, or none."""
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
                    self._written()
                    self._write()
        except gevent.Timeout:
            if self.closing is None:
                connections_closed.labels(code=TOO_SLOW).inc()
            self._give_up()
        except OSError:
            self._give_up()
        finally:
            self._sock = None
            self._frames.clear()

    @property
    def _over(self) -> bool:
        return (self._ended or self.closing is not None) and not self.waiting

    def _write(self) -> None:
        """Give the kernel what it takes now. It runs in the event loop, where nothing may wait."""
        self._due = False
        if self._rest or self._sock is None:
            return
        try:
            chunk = self._take()
            self._rest = chunk[_send(self._sock, chunk) :] if chunk else b""
            if chunk and not self._rest:
                self._written()
        except OSError:
            self._give_up()
        if self._rest or self._ended or self.closing is not None:
            self._ready.set()

    def _take(self) -> bytes:
        waiting = self._frames
        frames_pushed.inc(len(waiting))
        if self.open and (ping := self._due_ping()):
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
    """Returns how many bytes the kernel took without waiting."""
    sock.settimeout(0)
    try:
        return int(sock.send(chunk))
    except (BlockingIOError, SSLWantWriteError):
        return 0
    finally:
        sock.settimeout(None)


def linger(sock: Any, *, seconds: float = LINGER_SECONDS) -> None:
    """Let the peer read our last frame: closing with the peer's bytes unread would reset the connection and lose it."""
    with gevent.Timeout(seconds, False):  # type: ignore[arg-type]  # False: just stop
        try:
            sock.shutdown(1)
            while sock.recv(65_536):
                pass
        except OSError:
            return  # the peer has closed, which is all that was waited for
