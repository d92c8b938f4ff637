"""The last message that a conversation row shows to its user. The row holds its id; the text is read when shown."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from db.message import Message
from messaging import rows
from messaging.hidden import hidden_by
from messaging.message import by_seq
from messaging.status import Status


def refresh_preview(session: Session, row: rows.View, message: Row[Any]) -> None:
    """Set a locked row's last message anew, if the given message, which was just changed, is its last one."""
    if row.last_message_id == message.id:
        row.last_message_id = last_visible(session, row)


def last_visible(session: Session, row: rows.View) -> int | None:
    """Returns the id of the newest message up to the row's last_seq that is neither deleted nor hidden."""
    statement = select(Message.id).where(
        Message.conversation_id == row.conversation_id,
        Message.seq <= row.last_seq,
        Message.status != Status.DELETED,
        ~hidden_by(row.user_id),
    )
    newest: int | None = session.scalar(by_seq(statement).order_by(Message.seq.desc()).limit(1))
    return newest
