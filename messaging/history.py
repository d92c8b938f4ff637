"""The history of a conversation: its newest messages, or those before or after one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import Session

from db.message import Message
from messaging.errors import Code, Refused
from messaging.hidden import hidden_by
from messaging.members import Range, require_range
from messaging.message import COLUMNS, by_seq, wire
from messaging.replies import originals
from messaging.status import Status


@dataclass(frozen=True, slots=True)
class History:
    """`messages` in ascending `seq`; `has_more` says that there are more in the direction asked for."""

    messages: list[dict[str, Any]]
    has_more: bool


def history(
    session: Session,
    _now: datetime,
    *,
    user_id: int,
    conversation_id: str,
    last_message_id: int | None = None,
    before_seq: int | None = None,
    after_seq: int | None = None,
    limit: int = 20,
    hidden_from: tuple[int, ...] = (),
) -> History:
    """Returns up to `limit` messages, the newest or those before or after one, without deleted and hidden ones.

    In a group they are those from the message that added the user to the one that removed them.
    Messages that the users `hidden_from` have hidden are left out too, for a caller that does not say who reads, and
    are not told as the originals of replies.
    Raises Refused: NO_SUCH_CONVERSATION, NO_SUCH_MESSAGE for an unknown `last_message_id`, INVALID when more than one
    of `last_message_id`, `before_seq` and `after_seq` is given.
    """
    seen = require_range(session, conversation_id=conversation_id, user_id=user_id)
    if sum(place is not None for place in (last_message_id, before_seq, after_seq)) > 1:
        raise Refused(Code.INVALID, "give one of last_message_id, before_seq and after_seq")
    if last_message_id is not None:
        before_seq = _seq_of(session, conversation_id, last_message_id, seen)
    readers = (user_id, *hidden_from)
    if after_seq is not None:
        rows = _page(session, readers, conversation_id, seen, Message.seq > after_seq, limit, forward=True)
    else:
        place = Message.seq < before_seq if before_seq is not None else None
        rows = _page(session, readers, conversation_id, seen, place, limit, forward=False)
    shown = sorted(rows[:limit], key=lambda row: row.seq)
    answered = originals(session, dict.fromkeys(readers, shown))
    ranges = {(reader, conversation_id): seen for reader in readers}
    messages = [wire(row, reply=answered.reply(row, *readers, ranges=ranges)) for row in shown]
    return History(messages, len(rows) > limit)


def _seq_of(session: Session, conversation_id: str, message_id: int, seen: Range) -> int:
    seq = session.scalar(
        select(Message.seq).where(Message.id == message_id, Message.conversation_id == conversation_id)
    )
    if seq is None or not seen.holds(seq):
        raise Refused(Code.NO_SUCH_MESSAGE)
    return seq


def _page(
    session: Session,
    readers: tuple[int, ...],
    conversation_id: str,
    seen: Range,
    place: ColumnElement[bool] | None,
    limit: int,
    *,
    forward: bool,
) -> Sequence[Row[Any]]:
    statement = (
        select(*COLUMNS)
        .where(Message.conversation_id == conversation_id, Message.seq.between(*seen))
        .where(Message.status != Status.DELETED)
        .where(*(~hidden_by(reader) for reader in readers))
        .order_by(Message.seq if forward else Message.seq.desc())
        .limit(limit + 1)
    )
    return session.execute(by_seq(statement if place is None else statement.where(place))).all()
