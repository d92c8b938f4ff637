"""A proxy before MariaDB that a test can shut, and that can lose the answer to the COMMIT of a send."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.engine import make_url


class DatabaseGate:
    """A proxy that passes everything on. A process gets its `url` instead of the database's own."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        assert url.port
        self._to = ("127.0.0.1", url.port)
        self._server = socket.create_server(("127.0.0.1", 0))
        here = url.set(host="127.0.0.1", port=self._server.getsockname()[1])
        self.url = here.render_as_string(hide_password=False)
        self.committed = threading.Event()
        self._losing = False
        self._shut = False
        self._clients: set[socket.socket] = set()
        self._muted: set[socket.socket] = set()

    def shut(self) -> None:
        """Cut all connections, and every new one at once, until `open`."""
        self._shut = True
        for client in list(self._clients):
            _end(client)

    def open(self) -> None:
        """Let connections through again."""
        self._shut = False

    def lose_commit(self) -> None:
        """Pass on the COMMIT of the next send but not its answer, and set `committed`."""
        self._losing = True

    @contextmanager
    def serving(self) -> Iterator["DatabaseGate"]:
        """Serve until the block is left."""
        threading.Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            self.shut()
            self._server.shutdown(socket.SHUT_RDWR)
            self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # `serving` has closed the listening socket
            while True:
                client, _ = self._server.accept()
                if self._shut:
                    client.close()
                    continue
                database = socket.create_connection(self._to)
                self._clients.add(client)
                threading.Thread(target=self._up, args=(client, database), daemon=True).start()
                threading.Thread(target=self._down, args=(database, client), daemon=True).start()

    def _up(self, client: socket.socket, database: socket.socket) -> None:
        sends = False
        with suppress(OSError):  # either side went away
            while said := client.recv(1 << 16):
                sends = sends or b"INSERT INTO im_message" in said
                loses = self._losing and sends and b"COMMIT" in said
                if loses:
                    self._muted.add(client)
                database.sendall(said)
                if loses:
                    self.committed.set()
        self._clients.discard(client)
        _end(client, database)

    def _down(self, database: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):  # either side went away
            while said := database.recv(1 << 16):
                if client not in self._muted:
                    client.sendall(said)
        _end(client, database)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):  # the other end closed first
            end.shutdown(socket.SHUT_RDWR)
