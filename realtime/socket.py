"""One upgraded socket, from the 101 to its close: its reader, its writer, and how it ends."""

import time
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from infra import logs, trace
from infra.tokens import Claims
from messaging.message import unix
from realtime import inbound
from realtime.connection import Connection
from realtime.hub import Hub
from realtime.line import Line
from realtime.outbound import linger
from realtime.parser import Message, Parser
from realtime.sends import Sends

log = logs.get(__name__)

_SUBSCRIBE_SECONDS = 2.0
_KERNEL_BUFFER = 256 * 1024  # bytes; Linux would buffer megabytes for a peer that does not read, which no queue counts
TOO_MANY = 4001
OVERLOADED = 1013
RESTARTING = 1012
BROKEN = 1006  # no close came, nor was one sent


def serve(hub: Hub, claims: Claims, sock: Any) -> None:
    """Run one socket until it ends. Nothing is read before hello: early messages wait in the kernel."""
    connection = Connection(claims, hub.proofs, hub.pages)
    trace.also(connection_id=connection.id, user_id=claims.user_id)
    log.info("connection_opened", log="connection")
    began, code = time.monotonic(), BROKEN
    joined = _join(hub, connection)
    try:
        if joined:
            _welcome(hub, connection)
        code = _talk(connection, sock)
    finally:
        if joined:
            hub.leave(connection)
        log.info("connection_closed", log="connection", code=code, seconds=round(time.monotonic() - began, 3))


def _join(hub: Hub, connection: Connection) -> bool:
    if hub.draining:
        connection.outbound.close(RESTARTING, "restarting")
        return False
    if not hub.join(connection):
        connection.outbound.close(TOO_MANY, "too many connections")
        return False
    return True


def _welcome(hub: Hub, connection: Connection) -> None:
    if hub.draining:  # since `_join` looked: closing all may have missed a socket that was being counted
        connection.outbound.close(RESTARTING, "restarting")
        return
    # While Redis is away, hello goes out after 2 s, and the backlog when the link is restored. What is read before a
    # subscription is confirmed does not say what is still to come by notes.
    confirmed = hub.subscribed(connection).wait(_SUBSCRIBE_SECONDS)
    since = hub.groups.mark()
    told = hub.hellos.ask(connection.claims.user_id)
    if told is None:
        connection.outbound.close(OVERLOADED, "temporarily unavailable")
        return
    complete = hub.admit(connection, told.groups, since, confirmed=confirmed)
    connection.welcome(unix(told.now), told.total_unread, told.tops if complete else None)
    hub.greet(connection)


def _talk(connection: Connection, sock: Any) -> int:
    """Read and write until either ends; then let the peer read our last frame. Returns the code of the close."""
    sock.setsockopt(SOL_SOCKET, SO_SNDBUF, _KERNEL_BUFFER)
    bucket = inbound.Bucket()
    pings = inbound.Pings(connection, bucket)
    parser = Parser(connection, bucket, pings)
    sends = Sends(connection, limited=bucket.limited)

    def handle(message: Message) -> None:
        trace.enter("frame", connection_id=connection.id, user_id=connection.claims.user_id)  # in its own greenlet
        try:
            inbound.handle(connection, bucket, sends, message)
        finally:
            trace.leave()

    line = Line(sock, connection, parser, handle, bucket.pause)
    try:
        connection.outbound.write_all(sock, pings.due)
    finally:
        line.stop()
    linger(sock)
    return connection.outbound.closing or parser.code or parser.peers_code or BROKEN
