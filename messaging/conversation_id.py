"""The ids of conversations: `"{smaller}_{larger}"` for two users, `"group_{id}"` for a group."""

import re
from enum import IntEnum
from zlib import crc32


class ConversationType(IntEnum):
    """The kinds of conversations: of two users, or of a group."""

    SINGLE = 1
    GROUP = 2


_SINGLE = re.compile(r"([1-9]\d{0,15})_([1-9]\d{0,15})", re.ASCII)

_GROUP = re.compile(r"group_([1-9]\d{0,15})", re.ASCII)


def single(one: int, other: int) -> str:
    """Returns the id of the conversation of two users, given in either order."""
    return f"{min(one, other)}_{max(one, other)}"


def participants(conversation_id: str) -> tuple[int, int] | None:
    """Returns the two users of a one-to-one conversation, or None unless the id is in canonical form (`2_1` is not)."""
    match = _SINGLE.fullmatch(conversation_id)
    if not match:
        return None
    smaller, larger = int(match[1]), int(match[2])
    return (smaller, larger) if smaller < larger else None


def group(group_id: int) -> str:
    """Returns the id of a group's conversation."""
    return f"group_{group_id}"


def group_of(conversation_id: str) -> int | None:
    """Returns the id of the group whose conversation this is, or None unless the id is in that form."""
    match = _GROUP.fullmatch(conversation_id)
    return int(match[1]) if match else None


def shard_of(conversation_id: str, shards: int) -> int:
    """Returns the outbox shard, from 0, of a new conversation; an existing one keeps the shard in its head."""
    return crc32(conversation_id.encode()) % shards
