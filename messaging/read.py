"""Marking as read: one message, all up to a message, or a whole conversation. `read_seq` only rises.

In a group one message is read with all before it (messaging/groups/read.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, update
from sqlalchemy.orm import Session

from db.message import Message
from messaging import changes, heads, rows
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.events import ConversationRead
from messaging.groups.read import read_group
from messaging.members import require_range
from messaging.message import find_message, lock_message, set_message
from messaging.status import UNREAD, Status
from messaging.unread import count_unread, uncount, unread_range


@dataclass(frozen=True, slots=True)
class Read:
    """How far the user has read, their unread count, and the outbox shard to poke: None when nothing has changed."""

    conversation_id: str
    read_seq: int
    unread_count: int
    shard: int | None


def read(
    session: Session,
    now: datetime,
    *,
    user_id: int,
    conversation_id: str | None = None,
    message_id: int | None = None,
    origin: str | None = None,
) -> Read:
    """Mark one message (`message_id`), a conversation (`conversation_id`), or all up to a message (both) as read.

    `origin` is the connection that sent the request: it gets no receipt. A message once read stays read.
    In a group a message alone means all up to it, whoever sent it.
    Raises Refused: INVALID when neither id is given, NO_SUCH_CONVERSATION, NO_SUCH_MESSAGE, and FORBIDDEN when
    `message_id` stands alone and names a message of a pair that the user sent.
    """
    if conversation_id is None and message_id is None:
        raise Refused(Code.INVALID, "give message_id, conversation_id, or both")
    if conversation_id is not None:
        require_range(session, conversation_id=conversation_id, user_id=user_id)
    if message_id is None:
        assert conversation_id is not None  # noqa: S101 - checked above
        return _read_up_to(session, now, user_id, conversation_id, None, origin)
    message = find_message(session, user_id=user_id, message_id=message_id)
    if conversation_id is None and group_of(message.conversation_id) is None:
        return _read_alone(session, now, user_id, message, origin)
    if conversation_id not in (None, message.conversation_id):
        raise Refused(Code.NO_SUCH_MESSAGE)
    return _read_up_to(session, now, user_id, message.conversation_id, message.seq, origin)


def _read_alone(session: Session, now: datetime, user_id: int, message: Row[Any], origin: str | None) -> Read:
    if message.from_user_id == user_id:
        raise Refused(Code.FORBIDDEN, "one's own message is read by the other")
    name = message.conversation_id
    head = heads.lock(session, [name])[name]
    row = rows.lock(session, now, [(name, user_id)])[name, user_id]
    message = lock_message(session, message.id)
    if message.status not in UNREAD:
        return Read(name, row.read_seq, row.unread_count, None)
    change_seq = changes.record(
        session,
        now,
        head,
        ConversationRead,
        user_id=user_id,
        message_id=message.id,
        read_seq=row.read_seq,
        origin=origin,
    )
    uncount(session, row, message)
    set_message(
        session,
        message.id,
        status=Status.READ,
        read_at=now,
        delivered_at=message.delivered_at or now,
        update_time=now,
        change_seq=change_seq,
    )
    rows.write(session, now, [row])
    return Read(name, row.read_seq, row.unread_count, head.shard)


def _read_up_to(session: Session, now: datetime, user_id: int, name: str, seq: int | None, origin: str | None) -> Read:
    if group_of(name) is not None:
        done = read_group(session, now, conversation_id=name, user_id=user_id, seq=seq, origin=origin)
        return Read(name, done.read_seq, done.unread_count, done.shard)
    head = heads.lock_existing(session, name)
    if head is None:
        return Read(name, 0, 0, None)
    row = rows.lock(session, now, [(name, user_id)])[name, user_id]
    upto = head.last_seq if seq is None else seq
    if upto <= row.read_seq:
        return Read(name, row.read_seq, row.unread_count, None)
    row.unread_count -= _counted(session, row, upto)
    _mark(session, now, row, upto)
    row.read_seq = upto
    row.delivered_seq = max(row.delivered_seq, upto)  # read implies delivered
    changes.record(session, now, head, ConversationRead, user_id=user_id, read_seq=upto, origin=origin)
    rows.write(session, now, [row])
    return Read(name, upto, row.unread_count, head.shard)


def _counted(session: Session, row: rows.View, upto: int) -> int:
    """Returns how many messages up to the seq `upto` are in the row's unread count."""
    return row.unread_count if upto >= row.last_seq else count_unread(session, row, upto=upto)


def _mark(session: Session, now: datetime, row: rows.View, upto: int) -> None:
    session.execute(
        update(Message)
        .where(*unread_range(row, upto))
        .values(
            status=Status.READ,
            read_at=now,
            delivered_at=func.coalesce(Message.delivered_at, now),
            update_time=now,
        )
        .execution_options(synchronize_session=False)
    )
