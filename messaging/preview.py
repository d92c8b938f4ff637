"""The last message that a conversation row shows to its user. The row holds its id; the text is read when shown.

Of a group the head holds it for all members, and who has hidden that message has the one before looked up.
"""

from typing import Any, cast

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from db.flight import Call, fly
from db.message import Message
from messaging import rows
from messaging.groups.rows import GroupRow
from messaging.hidden import hidden_by
from messaging.message import by_seq
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_LAST = (
    by_seq(
        select(Message.id).where(
            Message.conversation_id == bindparam("conversation_id"),
            Message.seq >= bindparam("first_seq"),
            Message.seq <= bindparam("last_seq"),
            Message.status != Status.DELETED,
            ~hidden_by(cast(Any, bindparam("user_id"))),
        )
    )
    .order_by(Message.seq.desc())
    .limit(1)
)


def refresh_preview(session: Session, row: rows.View, message: Row[Any]) -> None:
    """Set a locked row's last message anew, if the given message, which was just changed, is its last one."""
    if row.last_message_id == message.id:
        row.last_message_id = last_visible(session, row)


def looking_for_last(row: rows.View) -> Call:
    """Returns the call that answers with the id that `last_visible` returns, or with no row for None."""
    return _looking(row, first_seq=1, last_seq=row.last_seq)


def looking_for_last_in_group(row: GroupRow) -> Call:
    """Returns the call that answers with the id of the newest message of a group that the row's user sees."""
    return _looking(row, first_seq=row.first_seq, last_seq=row.end_seq)


def _looking(row: rows.View | GroupRow, **seqs: int) -> Call:
    return Call(_LAST, {"conversation_id": row.conversation_id, "user_id": row.user_id, **seqs})


def last_visible(session: Session, row: rows.View) -> int | None:
    """Returns the id of the newest message up to the row's last_seq that is neither deleted nor hidden."""
    (found,) = fly(session, looking_for_last(row))
    return found[0][0] if found else None
