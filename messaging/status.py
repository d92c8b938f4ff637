"""The status of a message and its legal changes: the one table that all rules use.

sending(0) -> sent(1) -> delivered(2) -> read(3)
                 |            |            |
                 +------------+------------+--> recalled(4) --> deleted(5), which all others reach too
"""

from enum import IntEnum


class Status(IntEnum):
    """The stored statuses of a message, which only rise. 0, sending, is the client's own and never stored."""

    SENT = 1
    DELIVERED = 2
    READ = 3
    RECALLED = 4
    DELETED = 5


# For each status, the statuses from which a message may change to it.
BEFORE: dict[Status, frozenset[Status]] = {
    Status.DELIVERED: frozenset({Status.SENT}),
    Status.READ: frozenset({Status.SENT, Status.DELIVERED}),
    Status.RECALLED: frozenset({Status.SENT, Status.DELIVERED, Status.READ}),
    Status.DELETED: frozenset({Status.SENT, Status.DELIVERED, Status.READ, Status.RECALLED}),
}

UNREAD = BEFORE[Status.READ]


def may_become(old: int, new: Status) -> bool:
    """Returns whether a message may change from one status to another."""
    return old in BEFORE[new]
