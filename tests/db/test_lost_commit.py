"""Tests of a connection that is lost while its COMMIT is still on its way to the server."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from db.group_commit import GroupCommit
from messaging.directory import may_talk
from messaging.draft import Draft
from messaging.send import Sent, ask, store
from tests import databases
from tests.messaging.conftest import ALICE, BOB, befriend, draft, messages
from tests.processes import PATIENCE, wait_until

_WAITING = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"


class Proxy:
    """A proxy before a database. With `losing` set it hangs up at COMMIT, and holds the COMMIT until `let_through`."""

    def __init__(self, port: int) -> None:
        self._database = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.losing = threading.Event()
        self.lost = threading.Event()
        self.let_through = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.let_through.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._database)
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self._back, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with server:
            while data := _received(client):
                if self.losing.is_set() and b"COMMIT" in data:
                    self.losing.clear()
                    client.shutdown(socket.SHUT_RDWR)
                    self.lost.set()
                    assert self.let_through.wait(PATIENCE)
                server.sendall(data)

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with client:
            try:
                while data := _received(server):
                    client.sendall(data)
            except OSError:
                return


def _received(link: socket.socket) -> bytes:
    try:
        return link.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def proxy(mariadb_database: str) -> Iterator[Proxy]:
    """Point the test process at MariaDB through a proxy. Yields the proxy."""
    url = make_url(mariadb_database)
    assert url.port
    proxy = Proxy(url.port)
    with databases.configured(url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)):
        yield proxy
        proxy.close()


def test_what_is_still_being_committed_is_found_and_not_an_error(proxy: Proxy, mariadb_database: str) -> None:
    befriend(ALICE, BOB)
    commits: GroupCommit[Draft, Sent] = GroupCommit(
        lambda drafts, again: ask(drafts, may_talk=may_talk, again=again),
        lambda session, now, rows, drafts, again: store(session, now, rows, drafts, may_talk=may_talk, again=again),
        repeatable=lambda _: True,
    )
    commits.submit(draft(ALICE, BOB, client_msg_id="before"))
    observer = create_engine(mariadb_database)
    proxy.losing.set()
    with ThreadPoolExecutor() as pool, observer.connect() as connection:
        answer = pool.submit(commits.submit, draft(ALICE, BOB, client_msg_id="k"))
        assert proxy.lost.wait(PATIENCE)
        wait_until(lambda: int(connection.exec_driver_sql(_WAITING).one()[1]), "the second try to wait for the first")
        proxy.let_through.set()
        sent = answer.result(PATIENCE)
    observer.dispose()
    assert (sent.message["seq"], sent.message["client_msg_id"]) == (2, "k")
    assert [message.client_msg_id for message in messages()] == ["before", "k"]
