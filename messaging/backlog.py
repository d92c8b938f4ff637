"""What a user's devices have not answered for yet, in pages.

Of each conversation at most the newest 200 come so; what is older is left to `sync`, and said by `truncated`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, or_, select, true
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.message import Message
from messaging.message import wire
from messaging.visible import hidden_among

PAGE = 200
MOST_PER_CONVERSATION = 200
Cursor = tuple[str, int]  # conversation_id and seq of the last message sent so far


@dataclass(frozen=True, slots=True)
class Run:
    """Messages of one conversation in this page: those in (`after`, `upto`].

    `whole`: nothing was left out between them and what was delivered, or pushed by the page before.
    """

    conversation_id: str
    after: int
    upto: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Page:
    """`messages` in the order to push them in; `cursor` for the next page, None when this is the last."""

    messages: list[dict[str, Any]]
    runs: list[Run]
    cursor: Cursor | None


def page(session: Session, _now: datetime, *, user_id: int, cursor: Cursor | None) -> Page:
    """The next page of a user's backlog, up to what his conversation rows have counted."""
    runs, more = _fit(_waiting(session, user_id, cursor), cursor)
    rows = _messages(session, runs)
    hidden = hidden_among(session, user_id, rows)
    last = runs[-1] if more else None
    return Page(
        messages=[wire(row, hidden=row.id in hidden) for row in rows],
        runs=runs,
        cursor=(last.conversation_id, last.upto) if last else None,
    )


def _waiting(session: Session, user_id: int, cursor: Cursor | None) -> Sequence[Row[str, int, int]]:
    statement = (
        select(Conversation.conversation_id, Conversation.last_seq, Conversation.delivered_seq)
        .where(Conversation.user_id == user_id, Conversation.undelivered == true())  # IS TRUE would use no index
        .order_by(Conversation.conversation_id)
        .limit(PAGE + 1)
    )
    if cursor:
        statement = statement.where(Conversation.conversation_id >= cursor[0])
    return session.execute(statement).all()


def _fit(waiting: Sequence[Row[str, int, int]], cursor: Cursor | None) -> tuple[list[Run], bool]:
    """The runs that fit into one page, and whether more is waiting."""
    runs: list[Run] = []
    room = PAGE
    for name, last_seq, delivered_seq in waiting:
        known = max(delivered_seq, cursor[1] if cursor and cursor[0] == name else 0)
        after = max(known, last_seq - MOST_PER_CONVERSATION)
        if after >= last_seq:
            continue
        if not room:
            return runs, True
        upto = min(last_seq, after + room)
        runs.append(Run(name, after, upto, whole=after == known))
        room -= upto - after
        if upto < last_seq:
            return runs, True
    return runs, len(waiting) > PAGE


def _messages(session: Session, runs: Sequence[Run]) -> Sequence[Row[Any]]:
    if not runs:
        return []
    ranges = [
        and_(Message.conversation_id == run.conversation_id, Message.seq > run.after, Message.seq <= run.upto)
        for run in runs
    ]
    statement = select(*Message.__table__.columns).where(or_(*ranges))
    return session.execute(statement.order_by(Message.conversation_id, Message.seq)).all()
