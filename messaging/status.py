"""The status of a message and its legal moves: the one table that every rule asks.

sending(0) -> sent(1) -> delivered(2) -> read(3)
                 |            |            |
                 +------------+------------+--> recalled(4) --> deleted(5), which all others reach too
"""

from enum import IntEnum


class Status(IntEnum):
    """It only rises. 0, sending, is the client's own and never stored."""

    SENT = 1
    DELIVERED = 2
    READ = 3
    RECALLED = 4
    DELETED = 5


# For each status, those from which a message may move to it.
BEFORE: dict[Status, frozenset[Status]] = {
    Status.DELIVERED: frozenset({Status.SENT}),
    Status.READ: frozenset({Status.SENT, Status.DELIVERED}),
    Status.RECALLED: frozenset({Status.SENT, Status.DELIVERED, Status.READ}),
    Status.DELETED: frozenset({Status.SENT, Status.DELIVERED, Status.READ, Status.RECALLED}),
}

UNREAD = BEFORE[Status.READ]


def may_become(old: int, new: Status) -> bool:
    """Whether a message may move from one status to another."""
    return old in BEFORE[new]
