"""A way to Redis that a test can close: what a process says on it is then held, and gets nowhere if it dies first."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis.connection import parse_url


class Gate:
    """Passes everything on, until it is told to hold; `url` is what a process is given instead of Redis's own."""

    def __init__(self, redis_url: str) -> None:
        self._to = ("127.0.0.1", int(parse_url(redis_url)["port"]))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"
        self.reached = threading.Event()
        self._held: bytes | None = None
        self._answers = False
        self._open = threading.Event()
        self._open.set()

    def hold(self, word: bytes, *, answers: bool = False) -> None:
        """From now on keep back what is said together with this word, and set `reached` once it was said.

        With `answers` it is passed on, and nothing that Redis says from then on.
        """
        self._held, self._answers = word, answers
        self._open.clear()

    def open(self) -> None:
        """Let it pass, if whoever said it is still there."""
        self._held = None
        self._open.set()

    @contextmanager
    def serving(self) -> Iterator["Gate"]:
        """Until it is left."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self.open()
            self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()

    def _accept(self) -> None:
        try:
            while True:
                caller, _ = self._server.accept()
                redis = socket.create_connection(self._to)
                threading.Thread(target=self._up, args=(caller, redis), daemon=True).start()
                threading.Thread(target=self._pass, args=(redis, caller), daemon=True).start()
        except OSError:
            return  # it is closed

    def _up(self, caller: socket.socket, redis: socket.socket) -> None:
        try:
            while said := caller.recv(1 << 16):
                if self._held and self._held in said:
                    self.reached.set()
                    if not self._answers:
                        self._open.wait()
                    if _has_gone(caller):
                        break
                redis.sendall(said)
        except OSError:
            pass  # either side went away
        _end(redis, caller)

    def _pass(self, redis: socket.socket, caller: socket.socket) -> None:
        try:
            while said := redis.recv(1 << 16):
                if self._answers and self.reached.is_set():
                    self._open.wait()
                caller.sendall(said)
        except OSError:
            pass  # either side went away
        _end(redis, caller)


def _has_gone(caller: socket.socket) -> bool:
    caller.setblocking(False)
    try:
        return caller.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    finally:
        caller.setblocking(True)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue  # it has ended already
