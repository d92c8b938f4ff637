"""The last message that a conversation row shows to its user."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from db.message import Message
from messaging import rows
from messaging.hidden import hidden_by
from messaging.message import by_seq, shown
from messaging.status import Status


def show(row: rows.View, message: Row[Any]) -> None:
    """Let a locked row show a message that its user can see."""
    row.last_message_id = message.id
    row.last_message_content = shown(message)
    row.last_message_time = message.create_time


def refresh_preview(session: Session, row: rows.View, message: Row[Any]) -> None:
    """Let a locked row show the last message that its user can see, if this one, just changed, was it."""
    if row.last_message_id != message.id:
        return
    last = last_visible(session, row)
    if last:
        show(row, last)
    else:
        row.last_message_id = row.last_message_content = None


def last_visible(session: Session, row: rows.View) -> Row[Any] | None:
    """Returns the newest message up to the row's last_seq that is neither deleted nor hidden."""
    statement = select(*Message.__table__.columns).where(
        Message.conversation_id == row.conversation_id,
        Message.seq <= row.last_seq,
        Message.status != Status.DELETED,
        ~hidden_by(row.user_id),
    )
    return session.execute(by_seq(statement).order_by(Message.seq.desc()).limit(1)).one_or_none()
