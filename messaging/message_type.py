"""The kinds of messages."""

from enum import IntEnum


class MessageType(IntEnum):
    """The kinds of messages. SYSTEM is the service's own: no user can send it, and it never counts as unread."""

    SYSTEM = 0
    TEXT = 1
    IMAGE = 2
    VOICE = 3
    VIDEO = 4
    FILE = 5


SENDABLE = frozenset(MessageType) - {MessageType.SYSTEM}
