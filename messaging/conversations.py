"""A user's conversations: the list, and the unread counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, func, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.message import Message
from messaging.conversation_id import ConversationType, group_of
from messaging.groups import rows
from messaging.groups.conversations import group_views
from messaging.groups.rows import GroupRow
from messaging.members import require_member
from messaging.message import COLUMNS, unix, wire
from messaging.replies import Reply, originals
from messaging.totals import of_pairs, total_unread, totals

PairRow = Row[Any]  # with the columns PAIR
_ROWS = table(Conversation).c
PAIR = (
    *(_ROWS[name] for name in ("conversation_id", "conversation_type", "friend_id", "user_id", "last_message_id")),
    *(_ROWS[name] for name in ("last_seq", "change_seq", "read_seq", "unread_count", "is_top", "is_mute", "del_state")),
    _ROWS.update_time,
)
# The columns after last_message_id are there for the index alone.
_ORDER = (_ROWS.is_top, _ROWS.last_message_id, _ROWS.is_mute, _ROWS.unread_count, _ROWS.id)
_SHOWN = (
    _ROWS.user_id == bindparam("user"),
    _ROWS.conversation_type == ConversationType.SINGLE,
    _ROWS.del_state == 0,
)
# Built once: putting a statement together costs as much as running it.
_PAGE = (
    select(*PAIR)
    .where(*_SHOWN)
    .order_by(*(column.desc() for column in _ORDER))
    .offset(bindparam("skipped"))
    .limit(bindparam("most"))
)
_COUNT = select(func.count()).select_from(table(Conversation)).where(*_SHOWN)
_PEERS = select(_ROWS.conversation_id, _ROWS.read_seq, _ROWS.delivered_seq).where(
    tuple_(_ROWS.user_id, _ROWS.conversation_id).in_(bindparam("keys", expanding=True))
)
for _dialect in ("mysql", "mariadb"):  # which would otherwise look through the rows of all members as well
    _PEERS = _PEERS.with_hint(table(Conversation), "FORCE INDEX (uk_im_conversation_user_id_conversation_id)", _dialect)
_LAST = select(*COLUMNS).where(table(Message).c.id.in_(bindparam("ids", expanding=True)))
_ONE = select(_ROWS.unread_count).where(
    _ROWS.user_id == bindparam("user"), _ROWS.conversation_id == bindparam("conversation_id")
)


@dataclass(frozen=True, slots=True)
class Conversations:
    """One page; `total` counts all pages, `total_unread` is that of messaging/totals.py."""

    conversations: list[dict[str, Any]]
    total: int
    total_unread: int

    @property
    def views(self) -> list[dict[str, Any]]:
        """Returns the conversations to which a name and an avatar are to be added."""
        return self.conversations


def conversations(session: Session, _now: datetime, *, user_id: int, page: int, limit: int) -> Conversations:
    """Returns a page of the user's list: conversations on top first, then the newest. `page` counts from 1.

    Pairs come from an index in the order of the list. The user's groups are all read, and sorted in among them.
    """
    user = {"user": user_id}
    of_groups, ((pairs,),), unread = fly(session, rows.reading([user_id]), Call(_COUNT, user), of_pairs([user_id]))
    groups = rows.by_user([user_id], of_groups)
    shown = [row for row in groups[user_id] if not row.is_hidden]
    start = (page - 1) * limit
    skipped = max(0, start - len(shown))  # so many pairs come before the page, wherever the groups are
    (found,) = fly(session, Call(_PAGE, user | {"skipped": skipped, "most": start - skipped + limit}))
    here = sorted([*found, *shown], key=_place, reverse=True)[start - skipped :][:limit]
    return Conversations(views(session, user_id, here), pairs + len(shown), totals(session, unread, groups)[user_id])


def _place(row: PairRow | GroupRow) -> tuple[bool, int]:
    return row.place if isinstance(row, GroupRow) else (bool(row.is_top), row.last_message_id or 0)


def unread(session: Session, _now: datetime, *, user_id: int, conversation_id: str | None) -> int:
    """Returns the unread count of one conversation, or with None the user's total.

    Raises Refused(NO_SUCH_CONVERSATION).
    """
    if conversation_id is None:
        return total_unread(session, user_id)
    if group_of(conversation_id) is not None:
        return rows.require_row(session, conversation_id=conversation_id, user_id=user_id).unread_count
    require_member(session, conversation_id=conversation_id, user_id=user_id)
    (found,) = fly(session, Call(_ONE, {"user": user_id, "conversation_id": conversation_id}))
    return int(found[0].unread_count) if found else 0


def views(session: Session, user_id: int, of: Sequence[PairRow | GroupRow]) -> list[dict[str, Any]]:
    """Returns a user's rows as the contract's Conversations; actions.directory adds the names and avatars of pairs."""
    groups = [row for row in of if isinstance(row, GroupRow)]
    pairs = [row for row in of if not isinstance(row, GroupRow)]
    both = (*_pair_views(session, user_id, pairs), *group_views(session, user_id, groups))
    shown = {view["conversation_id"]: view for view in both}
    return [shown[row.conversation_id] for row in of]


def _pair_views(session: Session, user_id: int, pairs: Sequence[PairRow]) -> list[dict[str, Any]]:
    if not pairs:
        return []
    ids = [row.last_message_id for row in pairs if row.last_message_id]
    keys = [(row.friend_id, row.conversation_id) for row in pairs]
    messages, peers = fly(session, Call(_LAST, {"ids": ids}), Call(_PEERS, {"keys": keys}))
    last = {message.id: message for message in messages}
    by_name = {row.conversation_id: row for row in peers}
    answered = originals(session, {user_id: messages})
    replies = {message.id: answered.reply(message, user_id) for message in messages}
    return [
        _view(row, last.get(row.last_message_id), replies.get(row.last_message_id), by_name.get(row.conversation_id))
        for row in pairs
    ]


def _view(row: PairRow, last: Any, reply: Reply | None, peer: Any) -> dict[str, Any]:
    return {
        "conversation_id": row.conversation_id,
        "conversation_type": row.conversation_type,
        "friend_id": row.friend_id,
        "group_id": 0,
        "last_message": wire(last, reply=reply) if last else None,
        "last_seq": row.last_seq,
        "change_seq": row.change_seq,
        "first_seq": 1,
        "read_seq": row.read_seq,
        "peer_read_seq": peer.read_seq if peer else 0,
        "peer_delivered_seq": peer.delivered_seq if peer else 0,
        "unread_count": row.unread_count,
        "unread_mentions": 0,
        "is_top": row.is_top,
        "is_mute": row.is_mute,
        "del_state": bool(row.del_state),
        "update_time": unix(row.update_time),
    }
