"""Stored messages: finding, locking and changing them, and `wire`, their form in every answer and frame."""

from calendar import timegm
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, Select, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from infra.settings import settings
from messaging import schemas
from messaging.errors import Code, Refused
from messaging.members import find_range
from messaging.status import Status

# The columns that `wire` reads: a query of all would carry the others for nothing.
COLUMNS = tuple(table(Message).c[name] for name in schemas.Message().fields if name != "reply")


def find_message(session: Session, *, user_id: int, message_id: int) -> Row[Any]:
    """Returns a message that the user may see, in a group also when they have left it since.

    Raises Refused(NO_SUCH_MESSAGE) for all others.
    """
    row = session.execute(select(*Message.__table__.columns).where(Message.id == message_id)).one_or_none()
    if row is None:
        raise Refused(Code.NO_SUCH_MESSAGE)
    seen = find_range(session, conversation_id=row.conversation_id, user_id=user_id)
    if seen is None or not seen.holds(row.seq):
        raise Refused(Code.NO_SUCH_MESSAGE)
    return row


def lock_message(session: Session, message_id: int) -> Row[Any]:
    """Lock a message whose conversation's head and rows the caller has locked. Returns it as it now stands."""
    return session.execute(select(*Message.__table__.columns).where(Message.id == message_id).with_for_update()).one()


def set_message(session: Session, message_id: int, **values: Any) -> None:
    """Change a locked message."""
    statement = update(Message).where(Message.id == message_id).values(**values)
    session.execute(statement.execution_options(synchronize_session=False))


def by_seq(statement: Select[Any]) -> Select[Any]:
    """Returns the query with the hint to walk a conversation by its seqs, from the seq that the query names.

    Without it MariaDB chooses the same index, but starts at the conversation's end and passes over all newer messages.
    """
    for dialect in ("mysql", "mariadb"):
        statement = statement.with_hint(Message, "FORCE INDEX (uk_im_message_conversation_id_seq)", dialect)
    return statement


def unix(moment: datetime) -> int:
    """Returns the Unix seconds of a naive UTC time."""
    return timegm(moment.timetuple())


def wire(row: Any, *, hidden: bool = False, reply: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns `schemas.Message` of a row with `COLUMNS`. It is spelled out because every message passes through here.

    A recalled message shows the placeholder; a deleted one, or one `hidden` from this user, is an empty tombstone.
    `reply` is the message that it answers, as its reader sees it (messaging/replies.py).
    """
    status = Status.DELETED if hidden else row.status
    readable = status < Status.RECALLED
    return {
        "id": row.id,
        "conversation_id": row.conversation_id,
        "seq": row.seq,
        "change_seq": row.change_seq,
        "from_user_id": row.from_user_id,
        "to_user_id": row.to_user_id,
        "message_type": row.message_type,
        "content": row.content if readable else _instead(status),
        "extra": orjson.loads(row.extra) if readable and row.extra else None,
        "status": int(status),
        "client_msg_id": row.client_msg_id,
        "create_time": unix(row.create_time),
        "update_time": unix(row.update_time),
        "reply": reply if readable else None,
    }


def _instead(status: int) -> str:
    return settings().recalled_text if status == Status.RECALLED else ""
