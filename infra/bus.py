"""What workers publish and relays hear: the channels, the form of a note, and the listener.

A note is a header for the relay and the frames for the sockets, one a line, so that a relay passes bytes on and
parses only the header. Pub/sub may lose anything, silently: the listener hears itself every 2 s, and after 6 s of
silence, an error, or a second confirmation of a subscription (redis-py reconnects without a word) the link counts as
lost, and whoever listens must assume that notes are missing.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra import logs
from infra.redis import RedisError, client
from infra.settings import settings

log = logs.get(__name__)

_HEARTBEAT_SECONDS = 2.0
_SILENCE_SECONDS = 6.0
_RETRY_SECONDS = 0.5
_SUBSCRIBE_BATCH = 500
_PUBLISH_BATCH = 500
_PUBLISH_BYTES = 4 * 1024 * 1024  # Redis lets a subscriber fall 32 MB behind, and then cuts it off
# Notes and bytes; then what they put into queues is written, or a burst would overflow those of fast readers.
_AT_A_STRETCH = 250
_BYTES_AT_A_STRETCH = 64 * 1024
_READ_SECONDS = 2.0  # for the rest of a message that has begun to come


@dataclass(frozen=True, slots=True)
class Note:
    """`header["kind"]` says what it is; `frames` are JSON texts, ready for a socket."""

    header: dict[str, Any]
    frames: tuple[bytes, ...] = ()


def user_channel(user_id: int) -> str:
    """Where everything for a user's connections is published."""
    return f"im:user:{user_id}"


def relay_channel(relay_id: str) -> str:
    """Where answers to one relay are published."""
    return f"im:relay:{relay_id}"


def frame(kind: str, content: dict[str, Any]) -> bytes:
    """A frame of the WebSocket contract."""
    return orjson.dumps({"type": kind, "content": content})


def encode(note: Note) -> bytes:
    return b"\n".join((orjson.dumps(note.header), *note.frames))


def decode(raw: bytes) -> Note:
    header, *frames = raw.split(b"\n")
    return Note(orjson.loads(header), tuple(frames))


def publish(notes: Iterable[tuple[str, Note]]) -> None:
    """Publish (channel, note) pairs in their order, many at a time. Raises RedisError: some may be published then."""
    for some in _pipelines(notes):
        pipeline = client().pipeline(transaction=False)
        for channel, encoded in some:
            pipeline.publish(channel, encoded)
        pipeline.execute()


def _pipelines(notes: Iterable[tuple[str, Note]]) -> Iterator[list[tuple[str, bytes]]]:
    some: list[tuple[str, bytes]] = []
    size = 0
    for channel, note in notes:
        encoded = encode(note)
        if some and (len(some) == _PUBLISH_BATCH or size + len(encoded) > _PUBLISH_BYTES):
            yield some
            some, size = [], 0
        some.append((channel, encoded))
        size += len(encoded)
    if some:
        yield some


class Listener:
    """One subscription connection of a relay.

    `on_note(channel, note)` is called in the listening thread, in the order of publishing; `on_restored()` whenever
    the link has become whole: what was published before may be missing.
    """

    def __init__(
        self,
        own_channel: str,
        on_note: Callable[[str, Note], None],
        on_restored: Callable[[], None],
        *,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._own = own_channel
        self._on_note = on_note
        self._on_restored = on_restored
        self._sleep = sleep
        self._pubsub: Any = None
        self._wanted: dict[str, threading.Event] = {own_channel: threading.Event()}
        self._heard_at = 0.0
        self._taken = 0  # bytes of the notes of this stretch
        self.up = False

    def run(self) -> None:
        """Listen forever, over lost links."""
        threading.Thread(target=self._beat, name="bus-heartbeat", daemon=True).start()
        while True:
            try:
                self._open()
                self._on_restored()
                self._listen()
            except (RedisError, OSError) as error:
                log.warning("bus_lost", reason=str(error))
            except Exception:
                # Whatever went wrong with a note, its connections may lack it now: run their backlog again.
                log.exception("bus_stumbled")
            self.up = False
            self._close()
            self._sleep(_RETRY_SECONDS)

    def subscribe(self, channel: str) -> threading.Event:
        """Start hearing a channel. The event is set once Redis has confirmed; during an outage, when it is back."""
        confirmed = self._wanted.setdefault(channel, threading.Event())
        if self.up:
            self._send("subscribe", channel)
        return confirmed

    def unsubscribe(self, channel: str) -> None:
        """Stop hearing a channel."""
        if self._wanted.pop(channel, None) and self.up:
            self._send("unsubscribe", channel)

    def _send(self, command: str, channel: str) -> None:
        try:
            getattr(self._pubsub, command)(channel)
        except (RedisError, OSError) as error:
            log.warning("bus_send_failed", command=command, reason=str(error))
            self._heard_at = 0.0  # the listening thread takes the link for lost and opens another

    def _open(self) -> None:
        self._pubsub = _subscriber().pubsub()  # type: ignore[no-untyped-call]
        for confirmed in self._wanted.values():
            confirmed.clear()
        channels = list(self._wanted)
        for start in range(0, len(channels), _SUBSCRIBE_BATCH):
            self._pubsub.subscribe(*channels[start : start + _SUBSCRIBE_BATCH])
        self._heard_at = time.monotonic()
        while not all(self._wanted[name].is_set() for name in channels if name in self._wanted):
            self._hear()
        self.up = True
        self._catch_up(channels)

    def _catch_up(self, opened: Collection[str]) -> None:
        """Subscribe to what was asked for while the link was being opened."""
        for channel in self._wanted.keys() - set(opened):
            self._send("subscribe", channel)

    def _listen(self) -> None:
        while True:
            for _ in range(_AT_A_STRETCH):
                self._hear()
                if self._taken > _BYTES_AT_A_STRETCH:
                    break
            self._taken = 0
            self._sleep(0)

    def _hear(self) -> None:
        """Take what comes next. Notes go past PubSub, which would spend more on each than all else does together."""
        connection = self._pubsub.connection
        if not connection.can_read(timeout=1.0):
            if time.monotonic() - self._heard_at > _SILENCE_SECONDS:
                raise RedisError("silence")
            return
        response = connection.read_response(disconnect_on_error=False, timeout=_READ_SECONDS)
        if response[0] == b"message":
            self._taken += len(response[2])
            self._take(response[1].decode(), response[2])
        elif self._pubsub.handle_message(response)["type"] == "subscribe":
            self._confirm(response[1].decode())

    def _confirm(self, channel: str) -> None:
        confirmed = self._wanted.get(channel)
        if confirmed is None:
            return
        if confirmed.is_set() and channel == self._own:
            raise RedisError("the link was replaced without a word")
        confirmed.set()

    def _take(self, channel: str, data: bytes) -> None:
        note = decode(data)
        if channel == self._own:
            self._heard_at = time.monotonic()
            if note.header["kind"] == "heartbeat":
                return
        self._on_note(channel, note)

    def _beat(self) -> None:
        while True:
            time.sleep(_HEARTBEAT_SECONDS)
            try:
                publish([(self._own, Note({"kind": "heartbeat"}))])
            except RedisError as error:
                log.debug("heartbeat_failed", reason=str(error))

    def _close(self) -> None:
        try:
            self._pubsub.close()
        except (RedisError, OSError) as error:
            log.debug("bus_close_failed", reason=str(error))


def _subscriber() -> Redis:
    """A client for one subscription. redis-py reads notes with half the work when they come by the older protocol."""
    return Redis.from_url(
        settings().redis_url,
        protocol=2,
        socket_timeout=_READ_SECONDS,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),  # it would connect again without a word
        health_check_interval=0,
    )
