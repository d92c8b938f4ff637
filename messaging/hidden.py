"""The messages that users have deleted for themselves alone, in the queries that the rules need."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.hidden import Hidden
from db.message import Message
from messaging.members import Members

_AT_ONCE = 500  # pairs in a statement
# Built once: putting a statement together costs as much as running it.
_PAIRS = select(table(Hidden)).where(
    tuple_(table(Hidden).c.user_id, table(Hidden).c.message_id).in_(bindparam("pairs", expanding=True))
)


def is_hidden(session: Session, *, user_id: int, message_id: int) -> bool:
    """Returns whether this user has hidden the message."""
    return session.get(Hidden, (user_id, message_id)) is not None


def hidden_among(session: Session, user_id: int, messages: Sequence[Row[Any]]) -> set[int]:
    """Returns the ids of the given messages that this user has hidden."""
    ids = [message.id for message in messages]
    statement = select(Hidden.message_id).where(Hidden.user_id == user_id, Hidden.message_id.in_(ids))
    return set(session.scalars(statement)) if ids else set()


def hidden_from(session: Session, messages: Sequence[Row[Any]], members: Members) -> set[tuple[int, int]]:
    """Returns (user id, message id) for each of the given messages that a member of its conversation has hidden."""
    pairs = [(user, message.id) for message in messages for user in members.get(message.conversation_id, ())]
    if not pairs:
        return set()
    return {(row.user_id, row.message_id) for row in session.execute(_PAIRS, {"pairs": pairs})}


def hidden_of(session: Session, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Returns those of the pairs (user id, message id) whose user has hidden the message."""
    parts = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
    return {
        (row.user_id, row.message_id)
        for rows in fly(session, *(Call(_PAIRS, {"pairs": part}) for part in parts))
        for row in rows
    }


def hidden_by(user_id: int) -> ColumnElement[bool]:
    """Returns the condition that this user has hidden the message of the enclosing query."""
    # Not EXISTS: MariaDB would read every message that the user has ever hidden, instead of looking up this one.
    found = select(Hidden.message_id).where(Hidden.user_id == user_id, Hidden.message_id == Message.id)
    return found.correlate(Message).scalar_subquery().is_not(None)
