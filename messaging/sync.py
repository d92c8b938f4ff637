"""Sync: a client says how far it has got, and receives what it missed.

A client holds for each conversation the highest `seq` up to which it has every message, and a `change_seq` up to
which it has every change. It receives all that is above either. Nothing is skipped: a deleted or hidden message comes
as a tombstone, so that a hole always means a loss. An answer that was cut off says `truncated`: the client asks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.message import Message
from messaging.conversations import views
from messaging.errors import Code, Refused
from messaging.hidden import hidden_among
from messaging.message import COLUMNS, wire

MOST_NAMED = 1_000
MOST_CONVERSATIONS = 100
MOST_MESSAGES = 200  # of one conversation: 200 new ones and 200 changed ones


@dataclass(frozen=True, slots=True)
class Moved:
    """A conversation with new messages or changes.

    `truncated` says to ask again, with the highest seq in `messages`, and the highest change_seq among those that are
    not above the seq asked with: a new message's change_seq says nothing of older changes that did not fit.
    """

    conversation: dict[str, Any]
    messages: list[dict[str, Any]]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """The conversations that moved on. `truncated` says that there are more: ask again, and name these as well."""

    conversations: list[Moved]
    truncated: bool

    @property
    def views(self) -> list[dict[str, Any]]:
        """Returns the conversations to which a name and an avatar are to be added."""
        return [moved.conversation for moved in self.conversations]


def sync(
    session: Session,
    _now: datetime,
    *,
    user_id: int,
    heads: Mapping[str, int],
    changes: Mapping[str, int],
) -> Sync:
    """Returns what the user's client missed, given the seqs (`heads`) and change_seqs (`changes`) that it knows.

    A conversation in neither comes with its newest 200 messages; one without an entry in `changes` with new messages
    only. Raises Refused(INVALID) for more than 1,000 entries.
    """
    names = set(heads) | set(changes)
    if len(names) > MOST_NAMED:
        raise Refused(Code.INVALID, f"at most {MOST_NAMED} entries")
    rows = [
        row
        for row in _named(session, user_id, names)
        if row.last_seq > heads.get(row.conversation_id, 0)
        or row.change_seq > changes.get(row.conversation_id, row.change_seq)
    ] + list(_unnamed(session, user_id, names))
    shown = rows[:MOST_CONVERSATIONS]
    told = zip(shown, views(session, shown), strict=True)
    return Sync(
        [_moved(session, row, view, heads, changes) for row, view in told],
        truncated=len(rows) > MOST_CONVERSATIONS,
    )


def _named(session: Session, user_id: int, names: set[str]) -> Sequence[Conversation]:
    # Not as pairs: MariaDB takes a second to plan a thousand of them.
    statement = select(Conversation).where(
        Conversation.user_id == user_id, Conversation.conversation_id.in_(sorted(names))
    )
    return session.scalars(statement).all() if names else []


def _unnamed(session: Session, user_id: int, names: set[str]) -> Sequence[Conversation]:
    statement = (
        select(Conversation)
        .where(Conversation.user_id == user_id, Conversation.conversation_id.not_in(sorted(names)))
        .order_by(Conversation.conversation_id)
        .limit(MOST_CONVERSATIONS + 1)
    )
    return session.scalars(statement).all()


def _moved(
    session: Session,
    row: Conversation,
    view: dict[str, Any],
    heads: Mapping[str, int],
    changes: Mapping[str, int],
) -> Moved:
    name = row.conversation_id
    named = name in heads or name in changes
    known = heads.get(name, 0) if named else max(0, row.last_seq - MOST_MESSAGES)
    new = _messages(session, name, (Message.seq > known, Message.seq <= row.last_seq), Message.seq)
    changed: Sequence[Row[Any]] = []
    if name in changes:
        changed = _messages(
            session, name, (Message.change_seq > changes[name], Message.seq <= known), Message.change_seq
        )
    found = [*changed[:MOST_MESSAGES], *new[:MOST_MESSAGES]]
    hidden = hidden_among(session, row.user_id, found)
    return Moved(
        view,
        [wire(message, hidden=message.id in hidden) for message in sorted(found, key=lambda each: each.seq)],
        truncated=len(new) > MOST_MESSAGES or len(changed) > MOST_MESSAGES or (not named and known > 0),
    )


def _messages(
    session: Session, name: str, conditions: tuple[ColumnElement[bool], ...], order: Any
) -> Sequence[Row[Any]]:
    statement = select(*COLUMNS).where(Message.conversation_id == name, *conditions)
    return session.execute(statement.order_by(order).limit(MOST_MESSAGES + 1)).all()
