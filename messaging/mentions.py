"""Mentions in groups: how many of a user's are unread, and their end when their message is withdrawn.

They are counted from their rows, never kept as a counter: reading, hiding and leaving need not think of them.
"""

from collections.abc import Collection
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Row, bindparam, delete, func, literal, or_, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.mention import Mention
from db.message import Message
from infra.ids import MAX_ID
from messaging.bodies import EVERYBODY
from messaging.conversation_id import ConversationType
from messaging.hidden import hidden_by

RowKey = tuple[str, int]  # conversation_id, user_id

_ROWS, _MENTIONS = table(Conversation).c, table(Mention).c


def _newest(user_id: ColumnElement[int]) -> ColumnElement[int]:
    """Returns the seq of the newest mention in the enclosing query's conversation: one look into the index."""
    newest = (
        select(_MENTIONS.seq)
        .where(_MENTIONS.conversation_id == _ROWS.conversation_id, _MENTIONS.user_id == user_id)
        .order_by(_MENTIONS.seq.desc())
        .limit(1)
    )
    return newest.correlate(table(Conversation)).scalar_subquery()


# Built once: putting a statement together costs as much as running it.
_MENTIONED = select(_ROWS.conversation_id, _ROWS.user_id, _ROWS.read_seq, _ROWS.first_seq, _ROWS.upto_seq).where(
    _ROWS.user_id.in_(bindparam("users", expanding=True)),
    _ROWS.conversation_type == ConversationType.GROUP,
    or_(_newest(_ROWS.user_id) > _ROWS.read_seq, _newest(literal(EVERYBODY)) > _ROWS.read_seq),
)
_MENTIONED_IN = _MENTIONED.where(_ROWS.conversation_id.in_(bindparam("names", expanding=True)))
_COUNT = (
    select(func.count())
    .select_from(Mention)
    .join(Message, (Message.conversation_id == Mention.conversation_id) & (Message.seq == Mention.seq))
    .where(
        Mention.conversation_id == bindparam("conversation_id"),
        Mention.user_id.in_(bindparam("mentioned", expanding=True)),
        Mention.seq > bindparam("after"),
        Mention.seq <= bindparam("upto"),
        Mention.from_user_id != bindparam("user_id"),
        ~hidden_by(cast(Any, bindparam("user_id"))),
    )
)
_REMOVE = delete(table(Mention)).where(
    _MENTIONS.conversation_id == bindparam("conversation_id"),
    _MENTIONS.user_id.in_(bindparam("mentioned", expanding=True)),
    _MENTIONS.seq == bindparam("seq"),
)


def mentioned(extra: str | None) -> list[int]:
    """Returns the user ids of the rows of im_mention that a message with this `extra`, as it is stored, has."""
    named = orjson.loads(extra).get("mentions", []) if extra else []
    return [EVERYBODY] if named == ["all"] else named


def unread_mentions(
    session: Session, user_ids: Collection[int], names: Collection[str] | None = None
) -> dict[RowKey, int]:
    """Returns how many mentions these users have not read, by group; rows without any are left out.

    With `names`, only in these conversations. Most groups cost a look into the index and no more.
    """
    asked = {"users": sorted(user_ids)}
    statement = Call(_MENTIONED, asked) if names is None else Call(_MENTIONED_IN, asked | {"names": sorted(names)})
    (rows,) = fly(session, statement)
    counts = fly(session, *(_counting(row) for row in rows))
    found = {(row.conversation_id, row.user_id): count for row, ((count,),) in zip(rows, counts, strict=True)}
    return {key: count for key, count in found.items() if count}


def _counting(row: Row[Any]) -> Call:
    return Call(
        _COUNT,
        {
            "conversation_id": row.conversation_id,
            "user_id": row.user_id,
            "mentioned": [row.user_id, EVERYBODY],
            "after": max(row.read_seq, row.first_seq - 1),
            "upto": MAX_ID if row.upto_seq is None else row.upto_seq,
        },
    )


def removing(message: Row[Any]) -> list[Call]:
    """Returns the calls that remove the mentions of a withdrawn message: none, when it has none."""
    users = mentioned(message.extra)
    asked = {"conversation_id": message.conversation_id, "mentioned": users, "seq": message.seq}
    return [Call(_REMOVE, asked)] if users else []
