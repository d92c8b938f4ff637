"""Groups as their members see them in the list of conversations, and those who have left as they saw them last."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from db.group import Group
from db.head import Head
from db.message import Message
from messaging.conversation_id import ConversationType, group_of
from messaging.groups.rows import GroupRow
from messaging.hidden import hidden_among
from messaging.mentions import unread_mentions
from messaging.message import COLUMNS, unix, wire
from messaging.preview import looking_for_last_in_group
from messaging.replies import Reply, originals

_ROWS, _HEADS, _GROUPS, _MESSAGES = (table(model).c for model in (Conversation, Head, Group, Message))


def _furthest(name: str) -> ColumnElement[int]:
    """Returns the greatest value of a column among the others in the enclosing query's group: at most two are read."""
    statement = (
        select(_ROWS[name])
        .where(_ROWS.conversation_id == _HEADS.conversation_id, _ROWS.user_id != bindparam("user"))
        .order_by(_ROWS[name].desc())
        .limit(1)
    )
    return statement.correlate(table(Head)).scalar_subquery()


# Built once: putting a statement together costs as much as running it.
_OTHERS = select(
    _HEADS.conversation_id,
    _furthest("read_seq").label("read_seq"),
    _furthest("delivered_seq").label("delivered_seq"),
).where(_HEADS.conversation_id.in_(bindparam("names", expanding=True)))
_NAMES = select(_GROUPS.id, _GROUPS.name, _GROUPS.avatar).where(_GROUPS.id.in_(bindparam("groups", expanding=True)))
_LAST = select(*COLUMNS).where(_MESSAGES.id.in_(bindparam("ids", expanding=True)))


def group_views(session: Session, user_id: int, rows: Sequence[GroupRow]) -> list[dict[str, Any]]:
    """Returns a user's rows of groups as the contract's Conversations."""
    if not rows:
        return []
    names = [row.conversation_id for row in rows]
    others, groups, last = fly(
        session,
        Call(_OTHERS, {"names": names, "user": user_id}),
        Call(_NAMES, {"groups": [group_of(name) for name in names]}),
        Call(_LAST, {"ids": [row.last_message_id for row in rows if row.last_message_id]}),
    )
    reached = {row.conversation_id: row for row in others}
    called = {group.id: group for group in groups}
    messages = _last_messages(session, user_id, rows, last)
    replies = _replies(session, user_id, rows, messages)
    mentions = unread_mentions(session, [user_id], names)
    return [
        _view(row, reached[row.conversation_id], messages.get(row.conversation_id), replies.get(row.conversation_id))
        | _called(row, called)
        | {"unread_count": row.unread_count, "unread_mentions": mentions.get(row.key, 0)}
        for row in rows
    ]


def _last_messages(session: Session, user_id: int, rows: Sequence[GroupRow], last: Rows) -> dict[str, Any]:
    """Returns the newest message that the user sees of each group: the last one, unless they have hidden it."""
    hidden = hidden_among(session, user_id, last)
    without = [row for row in rows if row.last_message_id in hidden]
    found = fly(session, *map(looking_for_last_in_group, without))
    ids = [each.id for part in found for each in part]
    instead = fly(session, Call(_LAST, {"ids": ids}))[0] if ids else []
    return {message.conversation_id: message for message in [*last, *instead] if message.id not in hidden}


def _replies(session: Session, user_id: int, rows: Sequence[GroupRow], last: dict[str, Any]) -> dict[str, Reply | None]:
    answered = originals(session, {user_id: last.values()})
    ranges = {(user_id, row.conversation_id): row.seen for row in rows}
    return {name: answered.reply(message, user_id, ranges=ranges) for name, message in last.items()}


def _called(row: GroupRow, groups: dict[int, Any]) -> dict[str, Any]:
    id_ = group_of(row.conversation_id) or 0
    return {"group_id": id_, "name": groups[id_].name, "avatar": groups[id_].avatar}


def _view(row: GroupRow, others: Any, last: Any, reply: Reply | None) -> dict[str, Any]:
    shown = row.last_seq if row.is_member else 0  # who has left is not told who reads on
    has_read, has_it = (min(seq or 0, shown) for seq in (others.read_seq, others.delivered_seq))
    updated = unix(row.update_time)
    return {
        "conversation_id": row.conversation_id,
        "conversation_type": ConversationType.GROUP.value,
        "friend_id": 0,
        "last_message": wire(last, reply=reply) if last else None,
        "last_seq": row.end_seq,
        "change_seq": row.change_seq,
        "first_seq": row.first_seq,
        "read_seq": row.read_seq,
        "peer_read_seq": has_read,
        "peer_delivered_seq": max(has_it, has_read),
        "is_top": bool(row.is_top),
        "is_mute": bool(row.is_mute),
        "del_state": row.is_hidden,
        "update_time": max(updated, unix(last.create_time)) if last else updated,
    }
