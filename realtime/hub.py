"""The connections of one relay, and which of them get what Redis publishes."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from uuid import uuid4

import gevent

from actions.revocations import revocations
from db.errors import DatabaseUnavailable
from infra import bus, channels, logs, loops, notes, presence, trace
from infra.metrics import bus_losses, connections
from infra.redis import RedisError, client
from infra.trace import Traced
from messaging.groups.memberships import Membership
from realtime import frames
from realtime.connection import Connection
from realtime.delivered import Proofs
from realtime.groups import Groups, Mark
from realtime.hello import Hellos
from realtime.memberships import Memberships
from realtime.pages import Pages
from realtime.presence import Presence
from realtime.reruns import Reruns

log = logs.get(__name__)

MOST_PER_USER = 20
_TICK_SECONDS = 1.0
_REPORT_SECONDS = 5.0
_LINGER_SECONDS = 5.0  # a channel without connections is kept so long: the user may be back
_UNSUBSCRIBED_TOGETHER = 500
_PASSED_ON_TOGETHER = 500  # members of a group; then sockets are written, so that nobody waits for thousands
_TOLD_ONE_BY_ONE = 20  # members of a group here: of more, a line each would be most of a message's work
_RESTART_SPREAD_MS = 5_000


class Hub:
    """The connections of one relay process."""

    def __init__(
        self,
        *,
        listen: Callable[..., bus.Listener] = bus.Listener,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = gevent.sleep,
        spawn: Callable[..., object] = gevent.spawn,
    ) -> None:
        self._spawn = spawn
        self._clock = clock
        self._sleep = sleep
        self.relay_id = uuid4().hex
        self.proofs = Proofs(self.relay_id)
        self.pages = Pages(self.relay_id)
        self.listener = listen(channels.of_relay(self.relay_id), self.take, self._on_restored)
        self.hellos = Hellos()
        self.draining = False
        self.presence = Presence(self.relay_id, spawn=spawn)
        self._by_id: dict[str, Connection] = {}
        self._by_channel: dict[str, set[Connection]] = {}
        self._empty_since: dict[int, float] = {}  # by user
        self.groups = Groups(clock=clock)
        self.memberships = Memberships(
            self.groups,
            lambda names: self.listener.subscribe_all(names),
            lambda user_id: bool(self._of(user_id)),
            self._rerun,
            clock=clock,
            sleep=sleep,
        )
        self.reruns = Reruns(self.memberships.settle, clock=clock, sleep=sleep)
        self._reported_at = float("-inf")

    def start(self) -> None:
        """Start the listener and all loops, which run as long as the process."""
        for loop in (
            self.listener.run,
            self.listener.beat,
            self.proofs.run,
            self.hellos.run,
            self.pages.run,
            self.memberships.run,
            self.reruns.run,
        ):
            self._spawn(loop)
        for name, step in (("look_after", self.look_after), ("close_expired", self.close_expired)):
            self._spawn(loops.forever, name, step, sleep=self._sleep)
        self.presence.start()

    def join(self, connection: Connection) -> bool:
        """Add a connection. Returns False when its user has too many, here or on all relays together."""
        user_id = connection.claims.user_id
        here = self._by_channel.setdefault(channels.of_user(user_id), set())
        if len(here) >= MOST_PER_USER:
            return False
        # Add before any greenlet switch, during which an empty channel may be forgotten together with this very set.
        here.add(connection)
        self._empty_since.pop(user_id, None)
        # Do not ask a Redis that is away: thousands who reconnect would wait for each other's timeouts before hello.
        count = self.presence.came(user_id, connection.id, reachable=self.listener.up)
        if count > MOST_PER_USER:
            self._drop(connection)
            return False
        self._by_id[connection.id] = connection
        connections.set(len(self._by_id))
        connection.is_first = count == 1
        return True

    def subscribed(self, connection: Connection) -> threading.Event:
        """Returns an event, set once Redis has confirmed that the connection gets all notes from then on."""
        return self.listener.subscribe(channels.of_user(connection.claims.user_id))

    def admit(self, connection: Connection, found: Sequence[Membership], since: Mark, *, confirmed: bool) -> bool:
        """Have the connection get the notes of its user's groups, which were read for `hello` after `since`.

        `confirmed` says whether it gets those of its user already. Returns whether nothing can have been missed since;
        if not, its backlog has to be run.
        """
        user_id = connection.claims.user_id
        if confirmed:
            return self.memberships.admit(user_id, found, since)
        self.memberships.ask(user_id)  # and do not wait: Redis is slow, or away
        return False

    def greet(self, connection: Connection) -> None:
        """Have the presence of online friends sent to the connection, and its user announced. Call it after hello."""
        self.presence.welcome(connection.claims.user_id, connection.id, first=connection.is_first)

    def leave(self, connection: Connection) -> None:
        """Forget a connection for which `join` returned True."""
        self._by_id.pop(connection.id, None)
        connection.leave()
        self.proofs.hurry(connection.claims.user_id)
        connections.set(len(self._by_id))
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        user_id = connection.claims.user_id
        here = self._by_channel[channels.of_user(user_id)]
        here.discard(connection)
        if not here:
            self._empty_since[user_id] = self._clock()
        self.presence.left(user_id, connection.id)

    def _of(self, user_id: int) -> list[Connection]:
        return list(self._by_channel.get(channels.of_user(user_id), ()))

    def close_all(self, code: int, reason: str) -> None:
        """Close all connections; `reconnect` asks each client to come back after a delay of its own, up to 5 s."""
        self.draining = True
        for place, connection in enumerate(list(self._by_id.values())):
            after_ms = place * 7919 % _RESTART_SPREAD_MS
            connection.outbound.close(code, reason, last=frames.message("reconnect", {"after_ms": after_ms}))
        try:
            presence.withdraw(self.relay_id)
        except RedisError as error:
            log.warning("presence_not_withdrawn", reason=str(error))

    def take(self, channel: str, note: notes.Note) -> None:
        """Pass a note on to the connections it is for, or do what it says."""
        match note:
            case notes.Message() | notes.FastMessage() | notes.Frame() | notes.Typing():
                self._pass_on(channel, note)
            case notes.GroupMessage() | notes.FastGroupMessage() | notes.GroupFrame() | notes.GroupTyping():
                self._pass_on_in_group(note)
            case notes.Joined():
                self._look_up(channels.user_of(channel), note.conversation_id)
            case notes.BacklogPage() | notes.Greeting():
                if connection := self._by_id.get(note.connection_id):
                    connection.take_own(note)
            case notes.Confirmed():
                self.proofs.confirm(note.proofs)
            case notes.Trace():
                self._answer(channel, note)

    def _pass_on(self, channel: str, note: notes.Live) -> None:
        frame = frames.text(note.frame)
        for connection in list(self._by_channel.get(channel, ())):
            if not self.listener.up:  # the link is being restored, and lost notes are still to come
                connection.pause()
            connection.take(note, frame)

    def _pass_on_in_group(self, note: notes.OfGroup) -> None:
        if not self.listener.up:  # who is in the group is not known until the link is restored
            return
        users = self.groups.audience(note)
        live, frame = _live(note, _told_one_by_one(note, users)), frames.text(note.frame)
        quoting = None if isinstance(note, notes.GroupTyping) else note.quoting
        full = frames.text(quoting.frame) if quoting else frame
        for place, user_id in enumerate(users, 1):
            told = full if quoting and self.groups.sees(user_id, note.conversation_id, quoting) else frame
            for connection in self._of(user_id):
                connection.take(live, told)
            if place % _PASSED_ON_TOGETHER == 0:
                self._sleep(0)

    def _look_up(self, user_id: int, conversation_id: str) -> None:
        """Have it read which groups a user is in now, and then their backlogs run again (`_rerun`)."""
        if connections := self._of(user_id):
            for connection in connections:
                connection.joining(conversation_id)
            self.memberships.ask(user_id)

    def _rerun(self, user_id: int) -> None:
        # What came before the groups were heard may be delivered by another device before this one's backlog is read:
        # only `sync` brings that, and `resync`, at the end of the backlog, calls for it.
        for connection in self._of(user_id):
            connection.rerun_backlog()

    def _answer(self, channel: str, question: notes.Trace) -> None:
        written = [each.written(question.conversation_id) for each in self._by_channel.get(channel, ())]
        if written:
            client().publish(question.reply, max(written))

    def _on_restored(self) -> None:
        bus_losses.inc()
        self.groups.forget()
        self.reruns.add(list(self._by_id.values()))

    def look_after(self) -> None:
        """Wait a second; then forget idle channels, report who is connected, and call each connection's `tick`."""
        self._sleep(_TICK_SECONDS)
        now = self._clock()
        self._forget_channels(now)
        self._report(now)
        for connection in self._each():
            connection.tick(now)

    def _each(self) -> Iterator[Connection]:
        for place, connection in enumerate(list(self._by_id.values())):
            if place % 500 == 499:
                self._sleep(0)  # thousands of connections must not hold up the frames of all
            yield connection

    def close_expired(self) -> None:
        """Wait a second; then close the connections whose token has expired or is revoked.

        This is a loop of its own, because `look_after` must not wait for a database that hangs.
        """
        self._sleep(_TICK_SECONDS)
        known = True
        for connection in self._each():
            expired = connection.claims.expires_at <= time.time()
            try:
                expired = expired or (known and revocations().revoked(connection.claims))
            except DatabaseUnavailable:
                known = False  # revocation is unknown: connections stay until the database is back
            if expired:
                connection.outbound.close(1008, "the token is no longer good")

    def _forget_channels(self, now: float) -> None:
        # Unsubscribing may switch greenlets, and connections may join or leave meanwhile: look anew each time.
        while idle := list(islice(self._idle_users(now), _UNSUBSCRIBED_TOGETHER)):
            for user_id in idle:
                del self._empty_since[user_id], self._by_channel[channels.of_user(user_id)]
                self.groups.leave(user_id)
            self.listener.unsubscribe(*map(channels.of_user, idle))
        while left := self.groups.drop_idle(_UNSUBSCRIBED_TOGETHER):
            self.listener.unsubscribe(*map(channels.of_group, left))
        self.groups.drop_removals()

    def _idle_users(self, now: float) -> Iterator[int]:
        return (user_id for user_id, since in self._empty_since.items() if now - since > _LINGER_SECONDS)

    def _report(self, now: float) -> None:
        if now - self._reported_at < _REPORT_SECONDS or self.draining:
            return
        self._reported_at = now
        try:
            self.presence.report()
        except RedisError as error:
            log.warning("presence_not_reported", reason=str(error))


def _told_one_by_one(note: notes.OfGroup, users: Sequence[int]) -> Traced | None:
    """Returns the message whose way the connections of these users are to log, None for none.

    For many users one line says it all: they will have it as soon as their sockets take it.
    """
    traced = note.traced if isinstance(note, notes.GroupMessage | notes.FastGroupMessage) else None
    if traced is None or len(users) <= _TOLD_ONE_BY_ONE:
        return traced
    trace.tell(log, "passed_on", [traced], conversation_id=note.conversation_id, users=len(users))
    return None


def _live(note: notes.OfGroup, traced: Traced | None) -> notes.Live:
    """Returns the note as a connection takes it, which knows nothing of groups."""
    match note:
        case notes.GroupMessage():
            return notes.Message(note.conversation_id, note.seq, note.from_user_id, note.frame, traced=traced)
        case notes.FastGroupMessage():
            place = (note.conversation_id, note.seq, note.from_user_id)
            return notes.FastMessage(*place, note.frame, note.at, traced=traced)
        case notes.GroupFrame():
            return notes.Frame(note.frame)
        case notes.GroupTyping():
            return notes.Typing(note.frame)
