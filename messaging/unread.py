"""The unread rule, for one message (`counts_for`) and as a query (`count_unread`): the two must agree.

A message is unread for a member when they have neither read nor sent nor hidden it, it is no system message, and it
has not been withdrawn (docs/protocol.md, "Unread"). In a group the member must also be able to see it.
"""

from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, bindparam, func, select
from sqlalchemy.orm import Session

from db.flight import Call, fly
from db.message import Message
from messaging import rows
from messaging.groups.rows import GroupRow
from messaging.groups.views import GroupView
from messaging.hidden import hidden_by, is_hidden
from messaging.message_type import MessageType
from messaging.status import UNREAD


def counts_for(row: rows.View | GroupView, message: Row[Any], *, hidden: bool) -> bool:
    """Returns whether a message is unread for the row's user; `hidden` says whether they have hidden it."""
    return (
        row.read_seq < message.seq
        and message.from_user_id != row.user_id
        and message.message_type != MessageType.SYSTEM
        and message.status in UNREAD
        and not hidden
    )


def counts_in_group(row: GroupView, message: Row[Any], *, hidden: bool) -> bool:
    """Returns whether a message of a group is unread for the row's user, who may have left it."""
    return row.holds(message.seq) and counts_for(row, message, hidden=hidden)


def unread_range(row: rows.View, upto: int) -> tuple[ColumnElement[bool], ...]:
    """Returns the conditions for the messages up to the seq `upto` that reading would mark read."""
    return (
        Message.conversation_id == row.conversation_id,
        Message.seq > row.read_seq,
        Message.seq <= upto,
        Message.from_user_id != row.user_id,
        Message.status.in_(UNREAD),
    )


# Built once: putting a statement together costs as much as running it.
_ASKED: Any = SimpleNamespace(**{name: bindparam(name) for name in ("conversation_id", "user_id", "read_seq")})
_COUNT = (
    select(func.count())
    .select_from(Message)
    .where(
        *unread_range(_ASKED, cast(Any, bindparam("upto"))),
        Message.message_type != MessageType.SYSTEM,
        ~hidden_by(_ASKED.user_id),
    )
)


def counting(row: rows.View, *, upto: int) -> Call:
    """Returns the call whose one value is the answer of `count_unread`."""
    asked = {"conversation_id": row.conversation_id, "user_id": row.user_id, "read_seq": row.read_seq, "upto": upto}
    return Call(_COUNT, asked)


def counting_in_group(row: GroupView | GroupRow, *, upto: int) -> Call:
    """Returns the call that counts the messages up to the seq `upto` that are unread: `counts_in_group`, as a query."""
    end = upto if row.upto_seq is None else min(upto, row.upto_seq)
    after = max(row.read_seq, row.first_seq - 1)
    asked = {"conversation_id": row.conversation_id, "user_id": row.user_id, "read_seq": after, "upto": end}
    return Call(_COUNT, asked)


def count_unread(session: Session, row: rows.View, *, upto: int) -> int:
    """Returns how many messages up to the seq `upto` are unread for the row's user: `counts_for`, as a query."""
    (((count,),),) = fly(session, counting(row, upto=upto))
    return int(count)


def uncount(session: Session, row: rows.View, message: Row[Any]) -> None:
    """Take a message out of a locked row's unread count, if it was counted. `message` is its row before the change."""
    if message.seq <= row.last_seq and counts_for(
        row, message, hidden=is_hidden(session, user_id=row.user_id, message_id=message.id)
    ):
        row.unread_count -= 1
