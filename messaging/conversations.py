"""A user's conversations, from their conversation rows: the list, and the unread counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, func, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.message import Message
from messaging.members import require_member
from messaging.message import COLUMNS, unix, wire

# The columns after last_message_id are there for the index alone.
_ORDER = (
    Conversation.is_top,
    Conversation.last_message_id,
    Conversation.is_mute,
    Conversation.unread_count,
    Conversation.id,
)
_ROWS = table(Conversation).c
_UNREAD = func.coalesce(func.sum(case((_ROWS.is_mute.is_(False), _ROWS.unread_count), else_=0)), 0)
# The badge numbers of many users: (user_id, count) for each who has conversations. Built once, as putting a statement
# together costs as much as running it.
TOTALS_UNREAD = (
    select(_ROWS.user_id, _UNREAD)
    .where(_ROWS.user_id.in_(bindparam("users", expanding=True)), _ROWS.del_state == 0)
    .group_by(_ROWS.user_id)
)


@dataclass(frozen=True, slots=True)
class Conversations:
    """One page; `total` counts all pages, `total_unread` leaves out muted and hidden conversations."""

    conversations: list[dict[str, Any]]
    total: int
    total_unread: int

    @property
    def views(self) -> list[dict[str, Any]]:
        """Returns the conversations to which a name and an avatar are to be added."""
        return self.conversations


def conversations(session: Session, _now: datetime, *, user_id: int, page: int, limit: int) -> Conversations:
    """Returns a page of the user's list: conversations on top first, then the newest. `page` counts from 1."""
    shown = (Conversation.user_id == user_id, Conversation.del_state == 0)
    rows = session.scalars(
        select(Conversation)
        .where(*shown)
        .order_by(*(column.desc() for column in _ORDER))
        .offset((page - 1) * limit)
        .limit(limit)
    ).all()
    total, unread = session.execute(select(func.count(), _UNREAD).where(*shown)).one()
    return Conversations(views(session, rows), total, int(unread))


def unread(session: Session, _now: datetime, *, user_id: int, conversation_id: str | None) -> int:
    """Returns the unread count of one conversation, or with None that of all but the muted and the hidden.

    Raises Refused(NO_SUCH_CONVERSATION).
    """
    if conversation_id is None:
        return total_unread(session, user_id)
    require_member(session, conversation_id=conversation_id, user_id=user_id)
    count = session.scalar(
        select(Conversation.unread_count).where(
            Conversation.user_id == user_id, Conversation.conversation_id == conversation_id
        )
    )
    return count or 0


def total_unread(session: Session, user_id: int) -> int:
    """Returns the unread count of all conversations but the muted and the hidden: the number on the app's badge."""
    return sum(int(count) for _, count in session.execute(TOTALS_UNREAD, {"users": [user_id]}))


def views(session: Session, rows: Sequence[Conversation]) -> list[dict[str, Any]]:
    """Returns these rows as the contract's Conversations, without names and avatars: actions.directory adds them."""
    if not rows:
        return []
    last = {
        message.id: message
        for message in session.execute(select(*COLUMNS).where(Message.id.in_([row.last_message_id for row in rows])))
    }
    peers = _peers(session, rows)
    return [_view(row, last.get(row.last_message_id), peers.get(row.conversation_id)) for row in rows]


def _peers(session: Session, rows: Sequence[Conversation]) -> dict[str, Row[str, int, int]]:
    keys = [(row.friend_id, row.conversation_id) for row in rows if row.friend_id]
    statement = select(Conversation.conversation_id, Conversation.read_seq, Conversation.delivered_seq).where(
        tuple_(Conversation.user_id, Conversation.conversation_id).in_(keys)
    )
    return {row.conversation_id: row for row in session.execute(statement)}


def _view(row: Conversation, last: Any, peer: Row[str, int, int] | None) -> dict[str, Any]:
    return {
        "conversation_id": row.conversation_id,
        "conversation_type": row.conversation_type,
        "friend_id": row.friend_id,
        "group_id": 0,
        "last_message": wire(last) if last else None,
        "last_seq": row.last_seq,
        "change_seq": row.change_seq,
        "read_seq": row.read_seq,
        "peer_read_seq": peer.read_seq if peer else 0,
        "peer_delivered_seq": peer.delivered_seq if peer else 0,
        "unread_count": row.unread_count,
        "is_top": row.is_top,
        "is_mute": row.is_mute,
        "del_state": bool(row.del_state),
        "update_time": unix(row.update_time),
    }
