"""A user's conversations as his rows tell them: the list, and the unread counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, select, tuple_
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.message import Message
from messaging.directory import Directory, Profile
from messaging.members import require_member
from messaging.message import COLUMNS, unix, wire

# Not by last_message_time: many share one second. What stands behind last_message_id is there for the index alone.
_ORDER = (
    Conversation.is_top,
    Conversation.last_message_id,
    Conversation.is_mute,
    Conversation.unread_count,
    Conversation.id,
)
_UNREAD = func.coalesce(func.sum(case((Conversation.is_mute.is_(False), Conversation.unread_count), else_=0)), 0)


@dataclass(frozen=True, slots=True)
class Conversations:
    """One page; `total` counts all pages, `total_unread` all conversations but the muted and the hidden."""

    conversations: list[dict[str, Any]]
    total: int
    total_unread: int


def conversations(
    session: Session, _now: datetime, *, user_id: int, page: int, limit: int, directory: Directory
) -> Conversations:
    """A page of the user's list: those on top first, then the newest."""
    shown = (Conversation.user_id == user_id, Conversation.del_state == 0)
    rows = session.scalars(
        select(Conversation)
        .where(*shown)
        .order_by(*(column.desc() for column in _ORDER))
        .offset((page - 1) * limit)
        .limit(limit)
    ).all()
    total, unread = session.execute(select(func.count(), _UNREAD).where(*shown)).one()
    return Conversations(views(session, rows, directory=directory), total, int(unread))


def unread(session: Session, _now: datetime, *, user_id: int, conversation_id: str | None) -> int:
    """Unread messages of one conversation, or of all but the muted and the hidden.

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
    """The number on the app's badge."""
    statement = select(_UNREAD).where(Conversation.user_id == user_id, Conversation.del_state == 0)
    return int(session.scalars(statement).one())


def views(session: Session, rows: Sequence[Conversation], *, directory: Directory) -> list[dict[str, Any]]:
    """These rows as the contract's Conversation."""
    if not rows:
        return []
    last = {
        message.id: message
        for message in session.execute(select(*COLUMNS).where(Message.id.in_([row.last_message_id for row in rows])))
    }
    peers = _peers(session, rows)
    profiles = directory.profiles(session, {row.friend_id for row in rows if row.friend_id})
    return [
        _view(row, last.get(row.last_message_id), peers.get(row.conversation_id), profiles.get(row.friend_id))
        for row in rows
    ]


def _peers(session: Session, rows: Sequence[Conversation]) -> dict[str, Row[str, int, int]]:
    keys = [(row.friend_id, row.conversation_id) for row in rows if row.friend_id]
    statement = select(Conversation.conversation_id, Conversation.read_seq, Conversation.delivered_seq).where(
        tuple_(Conversation.user_id, Conversation.conversation_id).in_(keys)
    )
    return {row.conversation_id: row for row in session.execute(statement)}


def _view(row: Conversation, last: Any, peer: Row[str, int, int] | None, profile: Profile | None) -> dict[str, Any]:
    return {
        "conversation_id": row.conversation_id,
        "conversation_type": row.conversation_type,
        "friend_id": row.friend_id,
        "group_id": 0,
        "name": profile.nickname if profile else "",
        "avatar": profile.avatar if profile else "",
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
