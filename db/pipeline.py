"""Several statements in one write on a PyMySQL connection. This module alone uses names that PyMySQL does not document.

Invariants: each statement is a packet of its own; an answer is read for each statement that was sent, or the connection
is closed, so that no answer is ever taken for another's. What is sent before the first answer is read stays below what
sockets hold: client and server would otherwise wait for each other, both writing.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from pymysql.connections import MySQLResult
from pymysql.constants import COMMAND, ER
from pymysql.err import InterfaceError, MySQLError, OperationalError

_AHEAD = 32 * 1024  # bytes behind the first statement of a write: half of what Linux takes in for a slow reader
_LONGEST = 0xFFFFFE  # bytes of a statement in one packet


def exchange(connection: Any, statements: Sequence[str]) -> list[MySQLResult]:
    """Execute the statements in order, in the open transaction. Returns their answers.

    Raises the first error, when all that was sent is answered, or the error by which the connection was lost.
    """
    packets = [_packet(each.encode(connection.encoding)) for each in statements]
    if not connection.open:
        raise InterfaceError(0, "")  # as PyMySQL does, and what SQLAlchemy takes for a lost connection
    if connection.get_autocommit():
        raise InterfaceError("a flight without a transaction")
    answers: list[MySQLResult] = []
    for write in _writes(packets):
        connection._write_bytes(b"".join(write))
        answers += _read(connection, len(write))
    return answers


def _packet(sql: bytes) -> bytes:
    if len(sql) > _LONGEST - 1:
        raise OperationalError(ER.NET_PACKET_TOO_LARGE, "a statement is too long for a packet")
    return struct.pack("<IB", len(sql) + 1, COMMAND.COM_QUERY) + sql


def _writes(packets: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yields the packets in groups that may be sent at once."""
    write: list[bytes] = []
    ahead = 0
    for packet in packets:
        ahead += len(packet)
        if write and ahead > _AHEAD:
            yield write
            write = []
        if not write:
            ahead = 0
        write.append(packet)
    yield write


def _read(connection: Any, count: int) -> list[MySQLResult]:
    answers = []
    first: MySQLError | None = None
    for _ in range(count):
        connection._next_seq_id = 1  # packets of an answer are numbered on from its statement's
        answer = MySQLResult(connection)
        try:
            answer.read()
        except MySQLError as error:
            if not connection.open:
                raise
            first = first or error
        else:
            _check(connection, answer)
            answers.append(answer)
    if first:
        raise first
    return answers


def _check(connection: Any, answer: MySQLResult) -> None:
    if answer.has_next:
        raise RuntimeError("a statement with more than one answer")
    if answer.server_status is not None:
        connection.server_status = answer.server_status
