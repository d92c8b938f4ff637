"""The backlog: messages for which none of a user's devices has answered yet, in pages.

It holds at most the newest 200 messages of each conversation. Older ones are left to `sync`: their run is not `whole`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, LargeBinary, Row, Select, and_, cast, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.conversation import Conversation
from db.message import Message
from messaging.draft import MAX_CONTENT, MAX_EXTRA
from messaging.hidden import hidden_among
from messaging.message import wire

PAGE = 200
PAGE_BYTES = 256 * 1024  # of frames: Redis cuts off a relay that falls behind, and with it all users connected there
_AROUND = 640  # the most bytes that a frame holds besides content and extra
_SURELY_FIT = PAGE_BYTES // (6 * MAX_CONTENT + MAX_EXTRA + _AROUND)  # JSON spells a character in 6 bytes at most
MOST_PER_CONVERSATION = 200
Columns = TypeVarTuple("Columns")
Cursor = tuple[str, int]  # conversation_id and seq of the last message sent so far


@dataclass(frozen=True, slots=True)
class Run:
    """The messages of one conversation in a page: the seqs in (`after`, `upto`].

    `whole` says that the run follows on the delivered messages, or on the page before, with no message left out.
    """

    conversation_id: str
    after: int
    upto: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Page:
    """`messages` in the order to push them in, and the `cursor` of the next page: None when this is the last."""

    messages: list[dict[str, Any]]
    runs: list[Run]
    cursor: Cursor | None


def page(session: Session, _now: datetime, *, user_id: int, cursor: Cursor | None) -> Page:
    """Returns the next page of a user's backlog: messages up to the `last_seq` of their conversation rows."""
    runs, more = _fit(_waiting(session, user_id, cursor), cursor)
    light = _within_bytes(session, runs)
    more = more or light != runs
    runs = light
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
    """Returns the runs that fit into one page, and whether more messages are waiting."""
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


def _within_bytes(session: Session, runs: list[Run]) -> list[Run]:
    """Returns as much of the runs as PAGE_BYTES hold, at least one message. It reads only the messages' sizes."""
    if sum(run.upto - run.after for run in runs) <= _SURELY_FIT:
        return runs
    size = _bytes(func.json_quote(Message.content)) + func.coalesce(_bytes(Message.extra), 0) + _AROUND
    room = PAGE_BYTES
    last: tuple[str, int] | None = None
    for name, seq, bytes_ in session.execute(_in_order(select(Message.conversation_id, Message.seq, size), runs)):
        room -= bytes_
        if room < 0 and last:
            return _upto(runs, *last)
        last = name, seq
    return runs


def _bytes(text: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[int]:
    return func.length(cast(text, LargeBinary))  # SQLite would count characters


def _upto(runs: Sequence[Run], name: str, seq: int) -> list[Run]:
    place = [run.conversation_id for run in runs].index(name)
    return [*runs[:place], replace(runs[place], upto=seq)]


def _messages(session: Session, runs: Sequence[Run]) -> Sequence[Row[Any]]:
    return session.execute(_in_order(select(*Message.__table__.columns), runs)).all() if runs else []


def _in_order(statement: Select[*Columns], runs: Sequence[Run]) -> Select[*Columns]:
    ranges = [
        and_(Message.conversation_id == run.conversation_id, Message.seq > run.after, Message.seq <= run.upto)
        for run in runs
    ]
    return statement.where(or_(*ranges)).order_by(Message.conversation_id, Message.seq)
