"""The conversation rows of a group's members: what each of them may see, has read, and has received.

A member's unread count is the head's `counted` less `base`; that of who has left is `base` itself, as the head counts
what they do not see. Rows are locked after the head, where both are.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from db.write_rows import write_rows_call
from messaging.conversation_id import ConversationType

RowKey = tuple[str, int]  # conversation_id, user_id


@dataclass(slots=True)
class GroupView:
    """The columns of a member's row that a group's messages and membership change."""

    id: int
    conversation_id: str
    user_id: int
    change_seq: int
    read_seq: int
    delivered_seq: int
    base: int
    first_seq: int
    upto_seq: int | None
    hidden_seq: int

    def holds(self, seq: int) -> bool:
        """Returns whether the user may see the message of this seq."""
        return self.first_seq <= seq and (self.upto_seq is None or seq <= self.upto_seq)

    def unread_count(self, counted: int) -> int:
        """Returns how many messages are unread, when the head has `counted` so many."""
        return counted - self.base if self.upto_seq is None else self.base

    def discount(self, messages: int) -> None:
        """Take so many messages out of the unread count."""
        self.base += messages if self.upto_seq is None else -messages

    @property
    def received_seq(self) -> int:
        """Returns the seq up to which no message waits for a device of theirs: what was before them never does."""
        return max(self.delivered_seq, self.first_seq - 1)


_AT_ONCE = 100  # the time in which MariaDB plans a list of pairs grows with the square of its length
_NAMES = tuple(field.name for field in fields(GroupView))
_WRITTEN = ("update_time", *_NAMES[3:])
_COLUMNS = table(Conversation).c
# Built once: putting a statement together costs as much as running it.
_READ = select(*(_COLUMNS[name] for name in _NAMES)).where(
    tuple_(_COLUMNS.user_id, _COLUMNS.conversation_id).in_(bindparam("keys", expanding=True))
)
for _dialect in ("mysql", "mariadb"):  # which would otherwise read, and lock, a small group's rows in another order
    _READ = _READ.with_hint(table(Conversation), "FORCE INDEX (uk_im_conversation_user_id_conversation_id)", _dialect)
_LOCK = _READ.order_by(_COLUMNS.user_id, _COLUMNS.conversation_id).with_for_update()


def locking(keys: Collection[RowKey]) -> list[Call]:
    """Returns the calls that lock those of these rows that exist, in their order, for a flight with other calls."""
    pairs = sorted((user, name) for name, user in set(keys))
    return [Call(_LOCK, {"keys": pairs[start : start + _AT_ONCE]}) for start in range(0, len(pairs), _AT_ONCE)]


def views(found: Iterable[Rows]) -> dict[RowKey, GroupView]:
    """Returns the rows that the calls of `locking` answered, to be changed and then written."""
    return {(row.conversation_id, row.user_id): GroupView(*row) for part in found for row in part}


def lock(session: Session, keys: Collection[RowKey]) -> dict[RowKey, GroupView]:
    """Lock those of these rows that exist. Returns them, to be changed and then written."""
    return views(fly(session, *locking(keys)))


def find(session: Session, *, conversation_id: str, user_id: int) -> GroupView | None:
    """Returns a user's row as it stands, without locking it; None when they never were in the group."""
    (found,) = fly(session, Call(_READ, {"keys": [(user_id, conversation_id)]}))
    return GroupView(*found[0]) if found else None


def by_readers(statement: Select[Any]) -> Select[Any]:
    """Returns a query of a group's rows with the hint to find them by how far they have read.

    Without it MariaDB reads the whole table for a group that is a large part of it.
    """
    for dialect in ("mysql", "mariadb"):
        statement = statement.with_hint(table(Conversation), "FORCE INDEX (idx_im_conversation_read)", dialect)
    return statement


def writing(session: Session, now: datetime, rows: Sequence[GroupView]) -> Call:
    """Returns the call that stores the changes of locked rows, in one statement. There must be rows."""
    # An upsert names a value for each column without a default; the rows keep what they have outside _WRITTEN.
    common = {
        "friend_id": 0,
        "conversation_type": ConversationType.GROUP,
        "create_time": now,
        "update_time": now,
    }
    values: list[dict[str, Any]] = [common | {name: getattr(row, name) for name in _NAMES} for row in rows]
    return write_rows_call(session, Conversation, values, _WRITTEN)
