"""The kinds of messages."""

from enum import IntEnum


class MessageType(IntEnum):
    """SYSTEM is the service's own: nobody can send it, and it is never unread."""

    SYSTEM = 0
    TEXT = 1
    IMAGE = 2
    VOICE = 3
    VIDEO = 4
    FILE = 5


SENDABLE = frozenset(MessageType) - {MessageType.SYSTEM}
