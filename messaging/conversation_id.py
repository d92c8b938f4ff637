"""The names of conversations: `"{smaller}_{larger}"` of two users, `"group_{id}"` of a group."""

import re
from enum import IntEnum
from zlib import crc32


class ConversationType(IntEnum):
    """A conversation is of two users or of a group."""

    SINGLE = 1
    GROUP = 2


_SINGLE = re.compile(r"([1-9]\d{0,15})_([1-9]\d{0,15})", re.ASCII)


def single(one: int, other: int) -> str:
    """The conversation of two users, in whichever order they are given."""
    return f"{min(one, other)}_{max(one, other)}"


def participants(conversation_id: str) -> tuple[int, int] | None:
    """The two users of a one-to-one conversation, or None unless the id is in its canonical form (`2_1` is not)."""
    match = _SINGLE.fullmatch(conversation_id)
    if not match:
        return None
    smaller, larger = int(match[1]), int(match[2])
    return (smaller, larger) if smaller < larger else None


def shard_of(conversation_id: str, shards: int) -> int:
    """The outbox shard that a new conversation gets; an existing one keeps what its head says."""
    return crc32(conversation_id.encode()) % shards
