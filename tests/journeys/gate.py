"""A proxy before Redis that a test can close: it holds what a process sends, and drops it if the process dies first."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis.connection import parse_url


class Gate:
    """A proxy that passes everything on until `hold` is called. A process gets its `url` instead of Redis's own."""

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
        """Hold back the bytes that a process sends together with this word, and set `reached` when they come.

        With `answers` these bytes are passed on, and everything that Redis answers from then on is held back.
        """
        self._held, self._answers = word, answers
        self._open.clear()

    def open(self) -> None:
        """Pass on what is held, if the process that sent it is still connected."""
        self._held = None
        self._open.set()

    @contextmanager
    def serving(self) -> Iterator["Gate"]:
        """Serve until the block is left."""
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
            return  # `serving` has closed the listening socket

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
            continue  # the other end closed first
