"""Conversation rows: each is one user's view of a conversation, and its counts change only under its lock."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from db.insert_ignore import insert_ignore
from db.write_rows import write_rows
from messaging.conversation_id import ConversationType
from messaging.members import UnknownConversation, peer

RowKey = tuple[str, int]  # conversation_id, user_id


@dataclass(slots=True)
class View:
    """The columns of a conversation row that messages change; `is_top` and `is_mute` are not among them."""

    id: int
    conversation_id: str
    user_id: int
    last_message_id: int | None
    unread_count: int
    del_state: int
    delete_time: datetime | None
    last_seq: int
    change_seq: int
    read_seq: int
    delivered_seq: int


_AT_ONCE = 100  # the time in which MariaDB plans a list of pairs grows with the square of its length
_NAMES = tuple(field.name for field in fields(View))
_WRITTEN = ("update_time", *_NAMES[3:])
_COLUMNS = table(Conversation).c
# Built once: putting a statement together costs as much as running it.
_LOCK = (
    select(*(_COLUMNS[name] for name in _NAMES))
    .where(tuple_(_COLUMNS.user_id, _COLUMNS.conversation_id).in_(bindparam("keys", expanding=True)))
    .order_by(_COLUMNS.user_id, _COLUMNS.conversation_id)
    .with_for_update()
)


def lock(session: Session, now: datetime, keys: Collection[RowKey]) -> dict[RowKey, View]:
    """Lock these rows in their order, and create the missing ones. Returns them, to be changed and then written.

    Raises UnknownConversation for a missing row whose conversation id names no conversation of its user.
    """
    locked = views(fly(session, *locking(keys)))
    return locked | create(session, now, set(keys) - locked.keys())


def locking(keys: Collection[RowKey]) -> list[Call]:
    """Returns the calls that lock those of these rows that exist, in their order, for a flight with other calls."""
    pairs = [(user, name) for name, user in sorted(set(keys), key=_place)]
    return [Call(_LOCK, {"keys": pairs[start : start + _AT_ONCE]}) for start in range(0, len(pairs), _AT_ONCE)]


def views(found: Iterable[Rows]) -> dict[RowKey, View]:
    """Returns the rows that the calls of `locking` answered, to be changed and then written."""
    return {(row.conversation_id, row.user_id): View(*row) for part in found for row in part}


def create(session: Session, now: datetime, missing: Collection[RowKey]) -> dict[RowKey, View]:
    """Create these rows, unless another transaction just did, and lock them. Returns them like `lock`.

    Raises UnknownConversation for an id that names no conversation of its user.
    """
    if not missing:
        return {}
    insert_ignore(session, Conversation, [_empty(key, now) for key in sorted(missing, key=_place)])
    return views(fly(session, *locking(missing)))


def write(session: Session, now: datetime, rows: Sequence[View]) -> None:
    """Store the changes of locked rows, in one statement."""
    # An upsert names a value for each column without a default; the rows keep what they have outside _WRITTEN.
    common = {"friend_id": 0, "create_time": now, "update_time": now}
    values = [common | {name: getattr(row, name) for name in _NAMES} for row in rows]
    write_rows(session, Conversation, values, _WRITTEN)


def _place(key: RowKey) -> tuple[int, str]:
    """Returns the sort key in the order of the unique key: InnoDB locks as it reads an index, despite ORDER BY."""
    return key[1], key[0]


def _empty(key: RowKey, now: datetime) -> dict[str, Any]:
    conversation_id, user_id = key
    friend_id = peer(conversation_id, user_id)
    if friend_id is None:
        raise UnknownConversation(conversation_id)
    return {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "friend_id": friend_id,
        "conversation_type": ConversationType.SINGLE,
        "create_time": now,
        "update_time": now,
    }
