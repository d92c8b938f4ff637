"""What clients may say on a socket."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import ValidationError

from db.session import DatabaseUnavailable, run
from infra.settings import settings
from messaging.errors import Code, Refused
from messaging.fields import MAX_ID
from messaging.read import read
from messaging.schemas import ReadRequest
from realtime import frames
from realtime.connection import Connection
from realtime.frames import BadFrame, Inbound
from workers.outbox import poke

T = TypeVar("T")

RATE = 20.0  # frames a second, sustained
BURST = 60.0


class Bucket:
    """A token bucket: `take()` says whether one more frame is within RATE and BURST."""

    def __init__(self) -> None:
        self._tokens = BURST
        self._at = time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._at) * RATE)
        self._at = now
        if self._tokens < 1 and settings().rate_limits:
            return False
        self._tokens -= 1
        return True


def handle(connection: Connection, bucket: Bucket, raw: str | bytes) -> None:
    """Do what a client's message asks. What cannot be done is answered with an `error` frame."""
    connection.heard()
    kind = None
    try:
        if not bucket.take():
            raise BadFrame("too many frames", code=Code.TOO_MANY_REQUESTS)
        inbound = frames.parse(raw)
        kind = inbound.kind
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise BadFrame("unknown type", kind)
        handler(connection, inbound)
    except BadFrame as refused:
        connection.outbound.push(frames.error(refused))
    except DatabaseUnavailable:
        connection.outbound.push(frames.error(BadFrame("temporarily unavailable", kind, Code.UNAVAILABLE)))


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
        done = run(lambda session, now: read(session, now, user_id=user_id, origin=connection.id, **body))
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
