"""Which connections of which users are here, and who of them gets what Redis publishes."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import gevent
from celery.exceptions import OperationalError

from db.session import DatabaseUnavailable
from infra import bus, logs, presence
from infra.metrics import bus_losses, connections
from infra.redis import RedisError, client
from messaging.revocations import revocations
from realtime import frames
from realtime.batches import Batches
from realtime.connection import Connection
from realtime.delivered import Proofs
from realtime.hello import Hellos
from realtime.presence import Presence
from realtime.reruns import Reruns
from realtime.turns import Turns
from workers.backlog import Request, send_pages

log = logs.get(__name__)

MOST_PER_USER = 20
_TICK_SECONDS = 1.0
_GATHER_SECONDS = 0.01  # requests for pages; a task for each would be most of the work when thousands connect
_REPORT_SECONDS = 5.0
_LINGER_SECONDS = 5.0  # a channel without connections is kept so long: whoever left may be back
_RESTART_SPREAD_MS = 5_000


class Hub:
    """The connections of one relay process."""

    def __init__(self) -> None:
        self.relay_id = uuid4().hex
        self.proofs = Proofs(self.relay_id)
        self.listener = bus.Listener(bus.relay_channel(self.relay_id), self._on_note, self._on_restored)
        self.hellos = Hellos()
        self.draining = False
        self._presence = Presence(self.relay_id)
        self._by_id: dict[str, Connection] = {}
        self._by_channel: dict[str, set[Connection]] = {}
        self._empty_since: dict[str, float] = {}
        self._requests: Batches[Request] = Batches(self._ask, gather=_GATHER_SECONDS)
        self._turns = Turns(self._requests.add)
        self._reruns = Reruns()
        self._reported_at = float("-inf")

    def start(self) -> None:
        """Listen, and look after the connections, for as long as the process lives."""
        for loop in (
            self.listener.run,
            self.proofs.run,
            self.hellos.run,
            self._requests.run,
            self._reruns.run,
            self._look_after,
        ):
            gevent.spawn(loop)
        self._presence.start()

    def join(self, connection: Connection) -> bool:
        """Let a connection hear its user's channel. False when the user has too many, here or on other relays."""
        user_id = connection.claims.user_id
        channel = bus.user_channel(user_id)
        here = self._by_channel.setdefault(channel, set())
        if len(here) >= MOST_PER_USER:
            return False
        # Not while Redis is away: thousands who come back would wait for each other's timeouts before their hello.
        count = self._presence.came(user_id) if self.listener.up else 0
        if count > MOST_PER_USER:
            self._presence.left(user_id)
            return False
        here.add(connection)
        self._by_id[connection.id] = connection
        self._empty_since.pop(channel, None)
        connections.set(len(self._by_id))
        connection.is_first = count == 1
        return True

    def subscribed(self, connection: Connection) -> threading.Event:
        """Set once Redis has confirmed that this connection hears everything published from now on."""
        return self.listener.subscribe(bus.user_channel(connection.claims.user_id))

    def greet(self, connection: Connection) -> None:
        """After hello: have the connection told which friends are there, and them of a user who was away."""
        self._presence.welcome(connection.claims.user_id, connection.id, first=connection.is_first)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that `join` took in."""
        channel = bus.user_channel(connection.claims.user_id)
        self._by_id.pop(connection.id, None)
        self._turns.gone(connection.claims.user_id, connection.id)
        here = self._by_channel.get(channel, set())
        here.discard(connection)
        if not here:
            self._empty_since[channel] = time.monotonic()
        connections.set(len(self._by_id))
        self._presence.left(connection.claims.user_id)

    def request_page(self, connection: Connection, serial: int, cursor: Sequence[Any] | None) -> None:
        """Ask a worker for a page of backlog. Returns at once; the request may be lost."""
        if connection.id in self._by_id:
            self._turns.add((connection.id, serial, connection.claims.user_id, cursor))

    def close_all(self, code: int, reason: str) -> None:
        """End all connections, each told to come back at a moment of its own."""
        self.draining = True
        for place, connection in enumerate(list(self._by_id.values())):
            after_ms = place * 7919 % _RESTART_SPREAD_MS
            connection.outbound.close(code, reason, last=frames.message("reconnect", {"after_ms": after_ms}))
        try:
            presence.withdraw(self.relay_id)
        except RedisError as error:
            log.warning("presence_not_withdrawn", reason=str(error))

    def _on_note(self, channel: str, note: bus.Note) -> None:
        if note.header["kind"] == "confirmed":
            self.proofs.confirm(note.header["proofs"])
        elif note.header["kind"] in ("backlog", "greeting"):
            self._on_own_note(note)
        elif note.header["kind"] == "trace":
            self._answer_trace(channel, note.header)
        else:
            frame = frames.text(note.frames[0])
            for connection in list(self._by_channel.get(channel, ())):
                if not self.listener.up:  # the link is being restored, and what was lost is still to come
                    connection.pause()
                connection.take(note, frame)

    def _on_own_note(self, note: bus.Note) -> None:
        connection = self._by_id.get(note.header["connection_id"])
        if connection is None:
            return
        if note.header["kind"] == "backlog":
            self._turns.answered(connection.claims.user_id, connection.id, note.header["serial"])
        connection.take_own(note)

    def _answer_trace(self, channel: str, question: dict[str, Any]) -> None:
        """An operator asks how far a conversation was written to this user's sockets."""
        written = [each.written(question["conversation_id"]) for each in self._by_channel.get(channel, ())]
        if written:
            client().publish(question["reply"], max(written))

    def _on_restored(self) -> None:
        bus_losses.inc()
        self._reruns.add(list(self._by_id.values()))

    def _ask(self, requests: list[Request]) -> None:
        try:
            send_pages.apply_async((self.relay_id, requests))
        except (RedisError, OperationalError, OSError) as error:
            log.warning("backlog_not_asked", reason=str(error))  # it is asked again in 5 s

    def _look_after(self) -> None:
        while True:
            gevent.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for connection in self._each():
                connection.tick(now)
            self._close_expired()
            self._forget_channels(now)
            self._report(now)

    def _each(self) -> Iterator[Connection]:
        for place, connection in enumerate(list(self._by_id.values())):
            if place % 500 == 499:
                gevent.sleep(0)  # thousands of connections must not hold up the frames of all
            yield connection

    def _close_expired(self) -> None:
        for connection in self._each():
            if connection.claims.expires_at <= time.time() or self._revoked(connection):
                connection.outbound.close(1008, "the token is no longer good")

    @staticmethod
    def _revoked(connection: Connection) -> bool:
        try:
            return revocations.revoked(connection.claims.revocable)
        except DatabaseUnavailable:
            return False  # nobody can tell: whoever was let in stays until the database is back

    def _forget_channels(self, now: float) -> None:
        for channel, since in list(self._empty_since.items()):
            if now - since > _LINGER_SECONDS:
                del self._empty_since[channel]
                if not self._by_channel.get(channel):
                    self._by_channel.pop(channel, None)
                    self.listener.unsubscribe(channel)

    def _report(self, now: float) -> None:
        if now - self._reported_at < _REPORT_SECONDS or self.draining:
            return
        self._reported_at = now
        try:
            presence.report(self.relay_id, Counter(each.claims.user_id for each in self._by_id.values()))
        except RedisError as error:
            log.warning("presence_not_reported", reason=str(error))
