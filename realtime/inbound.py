"""What clients may send on a socket, and how often."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import ValidationError

from actions.poke import poke
from db.errors import DatabaseUnavailable
from db.session import write
from infra.metrics import limited
from infra.settings import settings
from messaging.errors import Code, Refused
from messaging.fields import MAX_ID
from messaging.read import read
from messaging.schemas import ReadRequest
from realtime import frames
from realtime.connection import Connection
from realtime.frames import BadFrame, Inbound
from realtime.sends import Sends

T = TypeVar("T")

RATE = 20.0  # frames a second, sustained
BURST = 60.0
MOST_REFUSED = 200  # frames in a minute; a client that sends more is closed
_MINUTE = 60.0
POLICY_VIOLATION = 1008


class Bucket:
    """A token bucket for all frames of one socket, control frames included. Unless `limited`, it is always full."""

    def __init__(self, *, limited: bool | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limited = settings().rate_limits if limited is None else limited
        self._clock = clock
        self._tokens = BURST
        self._at = self._minute_began = clock()
        self._refused = 0

    def take(self) -> bool:
        """Count one more frame. Returns whether it is within RATE and BURST."""
        self._fill()
        if self._tokens < 1:
            self._refused += 1
            return False
        self._tokens -= 1
        return True

    def pause(self) -> float:
        """Returns the seconds until one more frame is within the rate; 0 if it is now."""
        self._fill()
        return max(0.0, (1 - self._tokens) / RATE)

    @property
    def overflowed(self) -> bool:
        """Whether more than MOST_REFUSED frames were refused in a minute."""
        return self._refused > MOST_REFUSED

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(BURST, self._tokens + (now - self._at) * RATE) if self.limited else BURST
        self._at = now
        if now - self._minute_began > _MINUTE:
            self._minute_began, self._refused = now, 0


class Pings:
    """Our unanswered pings. As many pongs count as answers; any other pong counts as a frame."""

    def __init__(self, connection: Connection, bucket: Bucket) -> None:
        self._connection = connection
        self._bucket = bucket
        self._unanswered = 0

    def due(self) -> bytes:
        """Returns the ping to append to what is being written, or no bytes."""
        ping = self._connection.due_ping()
        self._unanswered += bool(ping)
        return ping

    def pong(self, payload: bytes) -> None:
        """Pass a pong's payload to the connection, unless it answers no ping and is over the rate."""
        if self._unanswered:
            self._unanswered -= 1
        elif not admit(self._connection, self._bucket):
            return
        self._connection.pong(payload)


def admit(connection: Connection, bucket: Bucket) -> bool:
    """Returns whether one more frame is within the rate. If not, pushes `error`, and closes if `overflowed`."""
    if bucket.take():
        return True
    limited.labels("frames").inc()
    connection.outbound.push(frames.error(BadFrame("too many frames", code=Code.TOO_MANY_REQUESTS)))
    _close_if_overflowed(connection, bucket)
    return False


def handle(connection: Connection, bucket: Bucket, sends: Sends, raw: str | bytes) -> None:
    """Do what a client's message asks. Pushes an `error` frame if it cannot be done."""
    connection.heard()
    try:
        inbound = frames.parse(raw)
    except BadFrame as refused:
        if admit(connection, bucket):
            connection.outbound.push(frames.error(refused))
        return
    if inbound.kind == "send":
        _send(connection, bucket, sends, inbound)
    elif admit(connection, bucket):
        _do(connection, inbound)


def _close_if_overflowed(connection: Connection, bucket: Bucket) -> None:
    if bucket.overflowed:
        connection.outbound.close(POLICY_VIOLATION, "too many frames")


def _send(connection: Connection, bucket: Bucket, sends: Sends, inbound: Inbound) -> None:
    """Have a message sent. It has limits of its own, but one that they or its own form refuse counts as a frame."""
    try:
        sends.take(inbound.content)
    except BadFrame as refused:
        connection.outbound.push(frames.error(refused))
        bucket.take()
        _close_if_overflowed(connection, bucket)


def _do(connection: Connection, inbound: Inbound) -> None:
    try:
        handler = _HANDLERS.get(inbound.kind)
        if handler is None:
            raise BadFrame("unknown type", inbound.kind)
        handler(connection, inbound)
    except BadFrame as refused:
        connection.outbound.push(frames.error(refused))
    except DatabaseUnavailable:
        connection.outbound.push(frames.error(BadFrame("temporarily unavailable", inbound.kind, Code.UNAVAILABLE)))


def _ping(connection: Connection, _inbound: Inbound) -> None:
    connection.outbound.push(frames.message("pong", {"server_time": connection.server_time()}))


def _ack(connection: Connection, inbound: Inbound) -> None:
    name, seq = inbound.content.get("conversation_id"), inbound.content.get("seq")
    if not isinstance(name, str) or isinstance(seq, bool) or not isinstance(seq, int) or not 0 < seq <= MAX_ID:
        raise BadFrame("ack needs conversation_id and seq", inbound.kind)
    connection.ack(name, seq)


def _typing(connection: Connection, inbound: Inbound) -> None:
    connection.typing.tell(_required(inbound, "conversation_id", str))


def _read(connection: Connection, inbound: Inbound) -> None:
    try:
        body: dict[str, Any] = ReadRequest().load(inbound.content)
        user_id = connection.claims.user_id
        done = write(read, user_id=user_id, origin=connection.id, **body)
    except ValidationError as error:
        raise BadFrame(str(error.messages), inbound.kind) from error
    except Refused as error:
        raise BadFrame(error.detail or error.code.name, inbound.kind, error.code) from error
    poke(done.shard)


def _required(inbound: Inbound, name: str, kind: type[T]) -> T:
    value = inbound.content.get(name)
    if not isinstance(value, kind):
        raise BadFrame(f"{inbound.kind} needs {name}", inbound.kind)
    return value


_HANDLERS: dict[str, Callable[[Connection, Inbound], None]] = {
    "ping": _ping,
    "ack": _ack,
    "typing": _typing,
    "read_receipt": _read,
}
