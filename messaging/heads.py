"""Heads: the counters of conversations. A transaction that changes a conversation locks its head until COMMIT.

The lock makes `seq` dense and in commit order, and lets the outbox events of a conversation commit in id order.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.head import Head
from db.insert_ignore import insert_ignore_call
from db.message import Message
from db.write_rows import write_rows_call
from infra.settings import settings
from messaging.conversation_id import shard_of

# Built once: putting a statement together costs as much as running it.
_HEADS, _MESSAGES = table(Head).c, table(Message).c
_LOCK = (
    select(
        *(_HEADS.conversation_id, _HEADS.shard, _HEADS.last_seq, _HEADS.change_seq, _HEADS.counted, _HEADS.members_seq)
    )
    .where(_HEADS.conversation_id.in_(bindparam("names", expanding=True)))
    .order_by(_HEADS.conversation_id)
    .with_for_update()
)

_NEWEST = (
    update(table(Head))
    .where(_HEADS.conversation_id.in_(bindparam("names", expanding=True)))
    .values(
        last_message_id=select(_MESSAGES.id)
        .where(_MESSAGES.conversation_id == _HEADS.conversation_id, _MESSAGES.seq == _HEADS.last_seq)
        .scalar_subquery()
    )
)

LockedHead = Row[str, int, int, int, int, int]
_NONE_COUNTED: Mapping[str, int] = {}


def lock(session: Session, conversation_ids: Collection[str]) -> dict[str, LockedHead]:
    """Lock these heads in the order of their ids, and create the missing ones. Returns them by conversation id."""
    found = lock_known(session, conversation_ids)
    return found | create(session, set(conversation_ids) - found.keys())


def lock_known(session: Session, conversation_ids: Collection[str]) -> dict[str, LockedHead]:
    """Lock those of these heads that exist, in the order of their ids. Returns them by conversation id."""
    (found,) = fly(session, lock_call(conversation_ids))
    return by_id(found)


def lock_call(conversation_ids: Collection[str]) -> Call:
    """Returns the call of `lock_known`, for a flight with others. `by_id` turns its rows into heads."""
    return Call(_LOCK, {"names": sorted(set(conversation_ids))})


def by_id(found: Rows) -> dict[str, LockedHead]:
    """Returns locked heads by their conversation ids."""
    return {row.conversation_id: row for row in found}


def create(session: Session, conversation_ids: Collection[str]) -> dict[str, LockedHead]:
    """Create these heads, unless another transaction just did, and lock them. Returns them by conversation id."""
    if not conversation_ids:
        return {}
    shards = settings().outbox_shards
    new: list[dict[str, Any]] = [
        {"conversation_id": name, "shard": shard_of(name, shards), "last_seq": 0, "change_seq": 0}
        for name in sorted(conversation_ids)
    ]
    _, found = fly(session, insert_ignore_call(session, Head, new), lock_call(conversation_ids))
    return by_id(found)


def lock_existing(session: Session, conversation_id: str) -> LockedHead | None:
    """Lock a head. Returns None when there is none: a conversation that nothing has happened in has no head."""
    return lock_known(session, [conversation_id]).get(conversation_id)


def advance(session: Session, locked: Collection[LockedHead], taken: Mapping[str, int], *, messages: bool) -> None:
    """Raise the counters of locked heads by the numbers `taken` of each conversation, in one statement.

    `change_seq` always rises, `last_seq` only when the changes are new `messages`.
    """
    fly(session, advance_call(session, locked, taken, messages=messages))


def advance_call(
    session: Session,
    locked: Collection[LockedHead],
    taken: Mapping[str, int],
    *,
    messages: bool,
    counted: Mapping[str, int] = _NONE_COUNTED,
) -> Call:
    """Returns the call of `advance`, for a flight with others. There must be locked heads.

    `counted` are the numbers of messages that may count as unread, of each group.
    """
    rows = [
        {
            "conversation_id": head.conversation_id,
            "shard": head.shard,
            "last_seq": head.last_seq + taken[head.conversation_id] * messages,
            "change_seq": head.change_seq + taken[head.conversation_id],
            "counted": head.counted + counted.get(head.conversation_id, 0),
        }
        for head in locked
    ]
    return write_rows_call(session, Head, rows, ("last_seq", "change_seq", "counted"))


def newest_call(conversation_ids: Collection[str]) -> Call:
    """Returns the call by which these groups' heads name their newest messages, which the transaction has stored."""
    return Call(_NEWEST, {"names": sorted(conversation_ids)})
