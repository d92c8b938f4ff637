"""One message as its user reaches it, and what of it a conversation row still shows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, update
from sqlalchemy.orm import Session

from db.hidden import Hidden
from db.message import Message
from messaging import rows
from messaging.conversation_id import peer
from messaging.errors import Code, Refused
from messaging.message import SYSTEM, shown
from messaging.projection import counts_for
from messaging.status import UNREAD, Status

FoundMessage = Row[Any]


def find(session: Session, *, user_id: int, message_id: int) -> FoundMessage:
    """A message of one of the user's conversations, as it now stands. Raises Refused(NO_SUCH_MESSAGE)."""
    row = session.execute(select(*Message.__table__.columns).where(Message.id == message_id)).one_or_none()
    if row is None or peer(row.conversation_id, user_id) is None:
        raise Refused(Code.NO_SUCH_MESSAGE)
    return row


def locked(session: Session, message_id: int) -> FoundMessage:
    """The same message, locked; its conversation's head and rows are locked already."""
    return session.execute(select(*Message.__table__.columns).where(Message.id == message_id).with_for_update()).one()


def set_message(session: Session, message_id: int, **values: Any) -> None:
    """Change a locked message."""
    statement = update(Message).where(Message.id == message_id).values(version=Message.version + 1, **values)
    session.execute(statement.execution_options(synchronize_session=False))


def hidden_by(user_id: int) -> ColumnElement[bool]:
    """Whether this user deleted the message of the enclosing query for himself."""
    # Not EXISTS: MariaDB would read all that the user has ever hidden, instead of looking up this one.
    found = select(Hidden.message_id).where(Hidden.user_id == user_id, Hidden.message_id == Message.id)
    return found.correlate(Message).scalar_subquery().is_not(None)


def by_seq(statement: Select[Any]) -> Select[Any]:
    """Let a query walk a conversation by its seqs, from the place that it names.

    MariaDB would choose the same index, but start at the conversation's end and pass over everything newer.
    """
    for dialect in ("mysql", "mariadb"):
        statement = statement.with_hint(Message, "FORCE INDEX (uk_im_message_conversation_id_seq)", dialect)
    return statement


def hidden_among(session: Session, user_id: int, messages: Sequence[FoundMessage]) -> set[int]:
    """The ids of those of these messages that this user deleted for himself."""
    ids = [message.id for message in messages]
    statement = select(Hidden.message_id).where(Hidden.user_id == user_id, Hidden.message_id.in_(ids))
    return set(session.scalars(statement)) if ids else set()


def is_hidden(session: Session, *, user_id: int, message_id: int) -> bool:
    """Whether this user deleted the message for himself."""
    return session.get(Hidden, (user_id, message_id)) is not None


def uncount(session: Session, row: rows.View, message: FoundMessage) -> None:
    """Take a message out of a locked row's unread count, if it is in it. `message` is as it was before its change."""
    if message.seq <= row.last_seq and counts_for(
        row, message, hidden=is_hidden(session, user_id=row.user_id, message_id=message.id)
    ):
        row.unread_count -= 1


def unread_range(row: rows.View, upto: int) -> tuple[ColumnElement[bool], ...]:
    """Messages up to `upto` that reading would mark read."""
    return (
        Message.conversation_id == row.conversation_id,
        Message.seq > row.read_seq,
        Message.seq <= upto,
        Message.from_user_id != row.user_id,
        Message.status.in_(UNREAD),
    )


def count_unread(session: Session, row: rows.View, *, upto: int) -> int:
    """How many messages up to `upto` are unread for the row's user: `counts_for`, as a query."""
    statement = (
        select(func.count())
        .select_from(Message)
        .where(*unread_range(row, upto), Message.message_type != SYSTEM, ~hidden_by(row.user_id))
    )
    return session.scalar(statement) or 0


def refresh_preview(session: Session, row: rows.View, message: FoundMessage) -> None:
    """Let a locked row show the last message that its user can see, if this one, just changed, was it."""
    if row.last_message_id != message.id:
        return
    last = last_visible(session, row)
    row.last_message_id = last.id if last else None
    row.last_message_content = shown(last) if last else None
    row.last_message_time = last.create_time if last else row.last_message_time


def last_visible(session: Session, row: rows.View) -> FoundMessage | None:
    """The newest message up to the row's last_seq that is neither deleted nor hidden."""
    statement = select(*Message.__table__.columns).where(
        Message.conversation_id == row.conversation_id,
        Message.seq <= row.last_seq,
        Message.status != Status.DELETED,
        ~hidden_by(row.user_id),
    )
    return session.execute(by_seq(statement).order_by(Message.seq.desc()).limit(1)).one_or_none()
