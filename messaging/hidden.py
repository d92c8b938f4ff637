"""The messages that users have deleted for themselves alone, in the five queries that the rules need."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call
from db.hidden import Hidden
from db.message import Message

# Built once: putting a statement together costs as much as running it.
_HIDDEN = table(Hidden).c
_OF_MESSAGES = select(table(Hidden)).where(_HIDDEN.message_id.in_(bindparam("ids", expanding=True)))
_OF_USER = _OF_MESSAGES.where(_HIDDEN.user_id == bindparam("user"))
for _dialect in ("mysql", "mariadb"):  # which would otherwise read every message that the user has ever hidden
    _OF_USER = _OF_USER.with_hint(table(Hidden), "FORCE INDEX (PRIMARY)", _dialect)


def is_hidden(session: Session, *, user_id: int, message_id: int) -> bool:
    """Returns whether this user has hidden the message."""
    return session.get(Hidden, (user_id, message_id)) is not None


def hidden_among(session: Session, user_id: int, messages: Sequence[Row[Any]]) -> set[int]:
    """Returns the ids of the given messages that this user has hidden."""
    ids = [message.id for message in messages]
    statement = select(Hidden.message_id).where(Hidden.user_id == user_id, Hidden.message_id.in_(ids))
    for dialect in ("mysql", "mariadb"):  # which would otherwise read every message that the user has ever hidden
        statement = statement.with_hint(Hidden, "FORCE INDEX (PRIMARY)", dialect)
    return set(session.scalars(statement)) if ids else set()


def hiding(message_ids: Collection[int]) -> Call:
    """Returns the call that answers user_id and message_id for each user who has hidden one of these messages."""
    return Call(_OF_MESSAGES, {"ids": list(message_ids)})


def hidden_from(user_id: int, message_ids: Collection[int]) -> Call:
    """Returns the call that answers user_id and message_id for each of these messages that this user has hidden."""
    return Call(_OF_USER, {"user": user_id, "ids": list(message_ids)})


def hidden_by(user_id: int) -> ColumnElement[bool]:
    """Returns the condition that this user has hidden the message of the enclosing query."""
    # Not EXISTS: MariaDB would read every message that the user has ever hidden, instead of looking up this one.
    found = select(Hidden.message_id).where(Hidden.user_id == user_id, Hidden.message_id == Message.id)
    return found.correlate(Message).scalar_subquery().is_not(None)
