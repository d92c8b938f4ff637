"""One upgraded socket, from the 101 to its close: its reader, its writer, and how it ends."""

from functools import partial
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from infra.tokens import Claims
from messaging.message import unix
from realtime import inbound
from realtime.connection import Connection
from realtime.hub import Hub
from realtime.line import Line
from realtime.outbound import linger
from realtime.parser import Parser
from realtime.sends import Sends

_SUBSCRIBE_SECONDS = 2.0
_KERNEL_BUFFER = 256 * 1024  # bytes; Linux would buffer megabytes for a peer that does not read, which no queue counts
TOO_MANY = 4001
OVERLOADED = 1013
RESTARTING = 1012


def serve(hub: Hub, claims: Claims, sock: Any) -> None:
    """Run one socket until it ends. Nothing is read before hello: early messages wait in the kernel."""
    connection = Connection(claims, hub.proofs, hub.pages)
    joined = _join(hub, connection)
    try:
        if joined:
            _welcome(hub, connection)
        _talk(connection, sock)
    finally:
        if joined:
            hub.leave(connection)


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


def _talk(connection: Connection, sock: Any) -> None:
    """Read and write until either ends; then let the peer read our last frame."""
    sock.setsockopt(SOL_SOCKET, SO_SNDBUF, _KERNEL_BUFFER)
    bucket = inbound.Bucket()
    pings = inbound.Pings(connection, bucket)
    parser = Parser(connection, bucket, pings)
    handle = partial(inbound.handle, connection, bucket, Sends(connection, limited=bucket.limited))
    line = Line(sock, connection, parser, handle, bucket.pause)
    try:
        connection.outbound.write_all(sock, pings.due)
    finally:
        line.stop()
    linger(sock)
