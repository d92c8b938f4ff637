"""Reading in a group: a member's `read_seq` rises, and their unread count is the head's `counted` less their `base`.

Only the reader's row is locked, and the head is read after it. So a thousand members read at once, and what the
reader sends or another recalls meanwhile waits for the row: it finds the new `read_seq` there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.group import Group
from db.head import Head
from db.message import Message
from messaging import outbox
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.events import GroupRead
from messaging.groups import views
from messaging.groups.views import GroupView
from messaging.message_type import MessageType
from messaging.status import Status
from messaging.unread import counting_in_group

MOST_TOLD = 100  # members of a group in which authors are told that they were read
MOST_LOOKED_AT = 1_000  # messages, the newest of those newly read, whose authors are told

# Built once: putting a statement together costs as much as running it.
_HEADS, _GROUPS = table(Head).c, table(Group).c
_ROWS, _MESSAGES = table(Conversation).c, table(Message).c
_SIZE = select(_GROUPS.member_count).where(_GROUPS.id == bindparam("group_id")).scalar_subquery()
_SHARED = select(_HEADS.shard, _HEADS.last_seq, _HEADS.counted, _SIZE.label("member_count")).where(
    _HEADS.conversation_id == bindparam("conversation_id")
)
_AUTHORS = (
    select(_MESSAGES.from_user_id)
    .distinct()
    .join_from(
        table(Message),
        table(Conversation),
        (_ROWS.user_id == _MESSAGES.from_user_id) & (_ROWS.conversation_id == _MESSAGES.conversation_id),
    )
    .where(
        _MESSAGES.conversation_id == bindparam("conversation_id"),
        _MESSAGES.seq > bindparam("after"),
        _MESSAGES.seq <= bindparam("upto"),
        _MESSAGES.message_type != MessageType.SYSTEM,
        _MESSAGES.status == Status.SENT,
        _MESSAGES.from_user_id != bindparam("user_id"),
        _ROWS.upto_seq.is_(None),
        _ROWS.first_seq <= _MESSAGES.seq,
    )
    .order_by(_MESSAGES.from_user_id)
)


@dataclass(frozen=True, slots=True)
class GroupReading:
    """How far a member has read, their unread count, and the outbox shard to poke: None when nothing has changed."""

    read_seq: int
    unread_count: int
    shard: int | None


def read_group(
    session: Session, now: datetime, *, conversation_id: str, user_id: int, seq: int | None, origin: str | None
) -> GroupReading:
    """Mark all that the user may see of a group as read, up to the message of a `seq` or, with None, to the end.

    Raises Refused(NO_SUCH_CONVERSATION) when they never were in the group.
    """
    row, shared = _hold(session, conversation_id, user_id)
    end = shared.last_seq if row.upto_seq is None else row.upto_seq
    upto = end if seq is None else min(seq, end)
    if upto <= row.read_seq:
        return GroupReading(row.read_seq, row.unread_count(shared.counted), None)
    authors = _authors(session, row, shared, upto)
    _raise(session, row, shared, upto)
    fly(session, views.writing(session, now, [row]))
    told = GroupRead(
        conversation_id=conversation_id,
        change_seq=0,
        user_id=user_id,
        read_seq=upto,
        origin=origin,
        authors=authors,
    )
    outbox.append(session, now, [(shared.shard, told)])
    return GroupReading(upto, row.unread_count(shared.counted), shared.shard)


def _hold(session: Session, name: str, user_id: int) -> tuple[GroupView, Any]:
    """Lock the user's row, and then read what all members share. Returns both."""
    asked = {"conversation_id": name, "group_id": group_of(name)}
    found, shared = fly(session, *views.locking([(name, user_id)]), Call(_SHARED, asked))
    if not found or not shared:
        raise Refused(Code.NO_SUCH_CONVERSATION)
    return views.views([found])[name, user_id], shared[0]


def _raise(session: Session, row: GroupView, shared: Any, upto: int) -> None:
    """Let a locked row's user have read all up to the seq `upto`."""
    if upto == (shared.last_seq if row.upto_seq is None else row.upto_seq):
        row.discount(row.unread_count(shared.counted))
    else:
        (((count,),),) = fly(session, counting_in_group(row, upto=upto))
        row.discount(count)
    row.read_seq = upto
    row.delivered_seq = max(row.delivered_seq, upto)  # read implies delivered


def _authors(session: Session, row: GroupView, shared: Any, upto: int) -> tuple[int, ...]:
    """Returns the members who wrote what the row's user reads now, and who may still see it; in a small group only."""
    if row.upto_seq is not None or shared.member_count > MOST_TOLD:
        return ()
    after = max(row.read_seq, row.first_seq - 1, upto - MOST_LOOKED_AT)
    asked = {"conversation_id": row.conversation_id, "user_id": row.user_id, "after": after, "upto": upto}
    (found,) = fly(session, Call(_AUTHORS, asked))
    return tuple(author for (author,) in found)
