"""Tests of one socket from the 101 to its close: who is accepted, what precedes hello, and that all is cleaned up."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import gevent
import orjson
import pytest
from gevent import socket
from gevent.event import Event
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side

from infra.tokens import Claims
from messaging.groups.memberships import Membership
from messaging.hello import Hello
from realtime import inbound
from realtime.connection import Connection
from realtime.delivered import Proofs
from realtime.groups import Groups, Mark
from realtime.socket import serve
from tests import databases
from tests.processes import PATIENCE


class House:
    """Replaces a Hub."""

    def __init__(self) -> None:
        self.draining = False
        self.has_room = True
        self.told: Any = Hello(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None), 3, None)
        self.asked: list[Any] = []
        self.confirmed = threading.Event()
        self.confirmed.set()
        self.here: list[Connection] = []
        self.may_greet = Event()
        self.may_greet.set()
        self.proofs = Proofs("relay")
        self.hellos = SimpleNamespace(ask=self._ask)
        self.pages = SimpleNamespace(ask=self.asked.append, answered=lambda *_: None, gone=lambda *_: None)
        self.greet = lambda _: None
        self.groups = Groups()
        self.complete = True
        self.admitted: list[tuple[Any, bool]] = []  # the groups found, and whether confirmed

    def join(self, connection: Connection) -> bool:
        if self.has_room:
            self.here.append(connection)
        return self.has_room

    def leave(self, connection: Connection) -> None:
        self.here.remove(connection)

    def subscribed(self, _connection: Connection) -> threading.Event:
        return self.confirmed

    def admit(self, _connection: Connection, found: Any, _since: Mark, *, confirmed: bool) -> bool:
        self.admitted.append((found, confirmed))
        return confirmed and self.complete

    def _ask(self, _user_id: int) -> Any:
        self.may_greet.wait()
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


class Visit:
    """A socket served by the house, and the client at its other end."""

    def __init__(self) -> None:
        self.house = House()
        self.ours, self.theirs = socket.socketpair()
        self._client = Protocol(Side.CLIENT)
        self.frames: list[dict[str, Any]] = []
        self._serving: gevent.Greenlet | None = None

    def start(self) -> "Visit":
        claims = Claims(7, int(time.time()) + 3600, None, None)
        self._serving = gevent.spawn(serve, self.house, claims, self.ours)
        return self

    def say(self, kind: str) -> None:
        self._client.send_text(orjson.dumps({"type": kind}))
        self._flush()

    def say_goodbye(self) -> None:
        self._client.send_close(1000, "done")
        self._flush()

    def _flush(self) -> None:
        self.theirs.sendall(b"".join(self._client.data_to_send()))

    def hear(self, count: int) -> list[str]:
        """Wait until `count` frames have come in all. Returns the types of all."""
        with gevent.Timeout(PATIENCE):
            while len(self.frames) < count:
                self._read()
        return [frame["type"] for frame in self.frames]

    def wait_closed(self) -> int | None:
        """Read to the end, answer the close, and leave. Returns the close code, None without one."""
        with gevent.Timeout(PATIENCE):
            while self._read():
                pass
        self.theirs.close()
        assert self._serving is not None
        self._serving.join(PATIENCE)
        return self._client.close_code

    def failure(self) -> BaseException | None:
        """Wait for the end of serving. Returns the exception that it raised, None without one."""
        assert self._serving is not None
        self._serving.join(PATIENCE)
        assert self._serving.dead
        return self._serving.exception

    def close(self) -> None:
        if self._serving is not None:
            self._serving.kill()
        self.ours.close()
        self.theirs.close()

    def _read(self) -> bool:
        data = self.theirs.recv(65_536)
        if data:
            self._client.receive_data(data)
        else:
            self._client.receive_eof()
        for event in self._client.events_received():
            if event.opcode is Opcode.TEXT:
                self.frames.append(orjson.loads(event.data))
        return bool(data)


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    monkeypatch.setattr(inbound, "settings", lambda: SimpleNamespace(rate_limits=True))
    visit = Visit()
    with databases.configured("sqlite:////nowhere.db"):
        yield visit
    visit.close()


def test_hello_comes_first_and_then_answers(visit: Visit) -> None:
    visit.start().say("ping")
    assert visit.hear(2) == ["hello", "pong"]
    assert visit.frames[0]["content"]["total_unread"] == 3
    visit.theirs.close()
    assert visit.failure() is None
    assert visit.house.here == []


def test_what_comes_before_hello_waits_for_it(visit: Visit) -> None:
    """Frames of any number wait in the kernel, which stops taking more when its buffer is full."""
    visit.house.may_greet.clear()
    visit.start()
    for _ in range(30):
        visit.say("ping")
    gevent.idle()
    visit.house.may_greet.set()
    assert visit.hear(31) == ["hello"] + ["pong"] * 30


def test_when_nothing_waits_the_backlog_is_over_with_hello(visit: Visit) -> None:
    visit.house.told = replace(visit.house.told, tops=[("7_8", 3)])
    visit.start()
    assert visit.hear(2) == ["hello", "backlog_end"]
    assert visit.house.asked == []


def test_without_a_confirmed_subscription_that_nothing_waits_says_nothing(visit: Visit) -> None:
    """A message may come between the reading and the confirmation, and no note would bring it."""
    visit.house.told = replace(visit.house.told, tops=[])
    visit.house.confirmed.clear()
    visit.start()
    assert visit.hear(1) == ["hello"]
    assert len(visit.house.asked) == 1


def test_who_may_have_missed_something_of_a_group_gets_the_backlog(visit: Visit) -> None:
    groups = [Membership("group_1", 1, 1)]
    visit.house.told = replace(visit.house.told, tops=[], groups=groups)
    visit.house.complete = False
    visit.start()
    assert visit.hear(1) == ["hello"]
    assert visit.house.admitted == [(groups, True)]
    assert len(visit.house.asked) == 1


def test_who_is_one_too_many_is_closed_4001(visit: Visit) -> None:
    visit.house.has_room = False
    assert visit.start().wait_closed() == 4001
    assert visit.failure() is None


def test_a_relay_that_is_going_lets_nobody_in(visit: Visit) -> None:
    visit.house.draining = True
    assert visit.start().wait_closed() == 1012
    assert visit.house.here == []


def test_without_a_database_the_socket_is_closed_1013(visit: Visit) -> None:
    visit.house.told = None
    assert visit.start().wait_closed() == 1013
    assert visit.house.here == []


def test_a_close_is_answered_and_forgotten(visit: Visit) -> None:
    visit.start().hear(1)
    visit.say_goodbye()
    assert visit.wait_closed() == 1000
    assert visit.house.here == []


def test_who_fails_to_be_greeted_is_forgotten(visit: Visit) -> None:
    visit.house.told = ZeroDivisionError("nobody foresaw it")
    visit.start()
    assert isinstance(visit.failure(), ZeroDivisionError)
    assert visit.house.here == []
