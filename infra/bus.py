"""Publishing notes, and the listener with which a relay receives them.

Pub/sub may lose anything, silently. The listener therefore sends itself a heartbeat every 2 s. After 6 s of silence, an
error, or a second confirmation of a subscription (redis-py reconnects silently), the link counts as lost, and the relay
must assume that notes are missing.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from traceback import walk_tb
from typing import Any, NoReturn

from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from infra import logs, loops
from infra.metrics import notes_dropped
from infra.notes import BadNote, Heartbeat, Note, decode, encode
from infra.redis import RedisError, client
from infra.settings import settings

log = logs.get(__name__)

_HEARTBEAT_SECONDS = 2.0
_SILENCE_SECONDS = 6.0
_RETRY_SECONDS = 0.5
_SUBSCRIBE_BATCH = 500
_PUBLISH_BATCH = 500
_PUBLISH_BYTES = 4 * 1024 * 1024  # Redis lets a subscriber fall 32 MB behind, and then cuts it off
# Notes and bytes taken before sockets are written: a longer burst would overflow the queues even of fast readers.
_AT_A_STRETCH = 250
_BYTES_AT_A_STRETCH = 64 * 1024
_READ_SECONDS = 2.0  # for the rest of a message that has begun to come
_IDLE_SECONDS = 1.0  # without a note; then the loop turns, which shows that it is alive


def publish(notes: Iterable[tuple[str, Note]], *, client: Callable[[], "Redis"] = client) -> None:
    """Publish (channel, note) pairs in order, many in one trip. Raises RedisError; some may be published then."""
    for some in _pipelines(notes):
        pipeline = client().pipeline(transaction=False)
        for channel, encoded in some:
            pipeline.publish(channel, encoded)
        pipeline.execute()


def _pipelines(notes: Iterable[tuple[str, Note]]) -> Iterator[list[tuple[str, bytes]]]:
    some: list[tuple[str, bytes]] = []
    size = 0
    last, encoded = None, b""
    for channel, note in notes:
        if note is not last:  # one note often goes to several channels in a row
            last, encoded = note, encode(note)
        if some and (len(some) == _PUBLISH_BATCH or size + len(encoded) > _PUBLISH_BYTES):
            yield some
            some, size = [], 0
        some.append((channel, encoded))
        size += len(encoded)
    if some:
        yield some


def _link() -> PubSub:
    """Returns one subscription connection. By protocol 2, redis-py reads notes with half the work."""
    client = Redis.from_url(
        settings().redis_url,
        protocol=2,
        socket_timeout=_READ_SECONDS,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),  # a retry would reconnect silently
        health_check_interval=0,
    )
    found: PubSub = client.pubsub()  # type: ignore[no-untyped-call]
    return found


class Listener:
    """One subscription connection of a relay.

    It calls `on_note(channel, note)` in the listening thread, in the order of publishing, and `on_restored()` whenever
    the link has been opened: notes published before may be missing. A note that cannot be read, or for which `on_note`
    raises, is dropped alone.
    """

    def __init__(
        self,
        own_channel: str,
        on_note: Callable[[str, Note], None],
        on_restored: Callable[[], None],
        *,
        connect: Callable[[], PubSub] = _link,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._own = own_channel
        self._on_note = on_note
        self._on_restored = on_restored
        self._connect = connect
        self._clock = clock
        self._sleep = sleep
        self._pubsub: Any = None
        self._wanted: dict[str, threading.Event] = {own_channel: threading.Event()}
        self._unconfirmed: set[str] = set()  # of the channels that the link was opened with
        self._confirmed_at = self._heard_at = 0.0
        self._taken = 0  # bytes of the notes taken since `_listen` began
        self._broken = False
        self.up = False

    def run(self) -> NoReturn:
        """Listen forever, and reopen lost links. `beat` has to run as well."""
        loops.forever("bus_listener", self._turn, sleep=self._sleep)

    def beat(self) -> NoReturn:
        """Publish heartbeats forever: when `run` stops hearing them, the link is lost."""
        loops.forever("bus_heartbeat", self._say_something, sleep=self._sleep)

    def subscribe(self, channel: str) -> threading.Event:
        """Subscribe to a channel. Returns an event, set once Redis has confirmed, in an outage after its end."""
        confirmed = self._wanted.setdefault(channel, threading.Event())
        if self.up:
            self._send("subscribe", channel)
        return confirmed

    def subscribe_all(self, channels: Iterable[str]) -> list[threading.Event]:
        """Like `subscribe`, for many channels in few commands, without those that Redis has confirmed already."""
        events = {channel: self._wanted.setdefault(channel, threading.Event()) for channel in channels}
        if self.up:
            for some in _batches(channel for channel, confirmed in events.items() if not confirmed.is_set()):
                self._send("subscribe", *some)
        return list(events.values())

    def unsubscribe(self, *channels: str) -> None:
        """Unsubscribe from channels, in one command: a command for each costs six times as much."""
        known = [channel for channel in channels if self._wanted.pop(channel, None)]
        if known and self.up:
            self._send("unsubscribe", *known)

    def _send(self, command: str, *channels: str) -> None:
        try:
            getattr(self._pubsub, command)(*channels)
        except (RedisError, OSError) as error:
            log.warning("bus_send_failed", command=command, reason=str(error))
            self._broken = True  # the listening thread then opens a new link

    def _turn(self) -> None:
        try:
            if not self.up:
                self._open()
                self._on_restored()
            self._listen()
        except (RedisError, OSError) as error:
            log.warning("bus_lost", reason=str(error))
            self._close()
            self._sleep(_RETRY_SECONDS)
        except Exception:
            self._close()  # the state of the link is unknown: open a new one
            raise

    def _open(self) -> None:
        self._broken = False
        for confirmed in self._wanted.values():
            confirmed.clear()
        opened = list(self._wanted)
        self._unconfirmed = set(opened)
        self._confirmed_at = self._heard_at = self._clock()
        self._pubsub = self._connect()
        for some in _batches(opened):
            self._pubsub.subscribe(*some)
        while self._unconfirmed:
            self._hear()
            if self._clock() - self._confirmed_at > _SILENCE_SECONDS:
                raise RedisError(f"{len(self._unconfirmed)} subscriptions were not confirmed")
        self.up = True
        self._catch_up(opened)

    def _catch_up(self, opened: Collection[str]) -> None:
        """Send the (un)subscriptions asked for while the link was being opened.

        A channel unsubscribed and subscribed again meanwhile has a new event, which its confirmation may have come too
        early for: subscribe to it once more.
        """
        for channel in opened:
            if channel not in self._wanted:
                self._send("unsubscribe", channel)
        for some in _batches(self._not_confirmed()):
            self._send("subscribe", *some)

    def _not_confirmed(self) -> Iterator[str]:
        for channel, confirmed in list(self._wanted.items()):
            if not confirmed.is_set() and channel in self._wanted:
                yield channel

    def _listen(self) -> None:
        """Take notes for about a second, or until the sockets have to be written (_AT_A_STRETCH)."""
        until = self._clock() + _IDLE_SECONDS
        self._taken = 0
        for _ in range(_AT_A_STRETCH):
            self._hear()
            if self._taken > _BYTES_AT_A_STRETCH or self._clock() > until:
                break
        self._sleep(0)

    def _hear(self) -> None:
        """Take one response. Notes bypass PubSub, which would cost more for each than everything else together."""
        if self._broken:
            raise RedisError("a command could not be sent")
        connection = self._pubsub.connection
        if not connection.can_read(timeout=_IDLE_SECONDS):
            if self._clock() - self._heard_at > _SILENCE_SECONDS:
                raise RedisError("silence")
            return
        response = connection.read_response(disconnect_on_error=False, timeout=_READ_SECONDS)
        if response[0] == b"message":
            self._taken += len(response[2])
            self._take(response[1].decode(), response[2])
        elif self._pubsub.handle_message(response)["type"] == "subscribe":
            self._confirm(response[1].decode())

    def _confirm(self, channel: str) -> None:
        if channel == self._own and channel not in self._unconfirmed:
            raise RedisError("the link was replaced without a word")
        self._unconfirmed.discard(channel)
        self._confirmed_at = self._clock()
        if confirmed := self._wanted.get(channel):
            confirmed.set()

    def _take(self, channel: str, data: bytes) -> None:
        try:
            note = decode(data)
            if channel == self._own:
                self._heard_at = self._clock()
                if isinstance(note, Heartbeat):
                    return
            self._on_note(channel, note)
        except Exception as error:  # noqa: BLE001  # a note that fails must not keep the others from getting through
            notes_dropped.inc()
            # The text of any other exception is not logged: it may quote a message.
            reason = str(error) if isinstance(error, BadNote) else type(error).__name__
            log.error("note_dropped", channel=channel, reason=reason, at=_place(error))

    def _say_something(self) -> None:
        self._sleep(_HEARTBEAT_SECONDS)
        try:
            publish([(self._own, Heartbeat())])
        except RedisError as error:
            log.debug("heartbeat_failed", reason=str(error))

    def _close(self) -> None:
        self.up = False
        if self._pubsub is None:
            return
        try:
            self._pubsub.close()
        except (RedisError, OSError) as error:
            log.debug("bus_close_failed", reason=str(error))


def _batches(channels: Iterable[str]) -> Iterator[list[str]]:
    left = iter(channels)
    while some := list(islice(left, _SUBSCRIBE_BATCH)):
        yield some


def _place(error: Exception) -> str:
    """Returns the file and line where an exception was raised, as "file:line"."""
    frame, line = list(walk_tb(error.__traceback__))[-1]
    return f"{frame.f_code.co_filename}:{line}"
