"""The consistency auditor: it checks, conversation by conversation, that the tables agree, and repairs them.

Each check holds the locks of the head and its rows, so that nothing changes meanwhile: a reported drift is real, never
a drain that was still under way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.head import Head
from db.message import Message
from db.outbox import OutboxEvent
from messaging import heads, outbox, rows
from messaging.errors import Code, Refused
from messaging.events import MessageSent
from messaging.members import members
from messaging.message_type import MessageType
from messaging.preview import last_visible
from messaging.status import Status
from messaging.unread import count_unread

OLD_EVENT = timedelta(seconds=10)
_CHECKED = ("last_seq", "read_seq", "delivered_seq", "unread_count", "last_message_id")


@dataclass(frozen=True, slots=True)
class Drift:
    """A stored value that differs from the right one. `user_id` is 0 for the conversation as a whole."""

    conversation_id: str
    user_id: int
    what: str
    stored: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Audited:
    """The drift found in one conversation, and the outbox shard to poke: None when nothing has drifted."""

    drift: list[Drift]
    shard: int | None


def audit(session: Session, now: datetime, *, conversation_id: str, repair: bool) -> Audited:
    """Check one conversation. Returns its drift, repaired with `repair`; without it, nothing is written.

    An id that names no conversation is a drift. Raises Refused(NO_SUCH_CONVERSATION) when no table knows the id.
    """
    with session.begin_nested() as trial:
        audited = _audit(session, now, conversation_id, repair=repair)
        if not repair:
            trial.rollback()  # locking creates what is missing
    return audited


def _audit(session: Session, now: datetime, conversation_id: str, *, repair: bool) -> Audited:
    head = heads.lock_existing(session, conversation_id)
    if head is None:
        _require_known(session, conversation_id)
        head = heads.lock(session, [conversation_id])[conversation_id]
    users = members(session, [conversation_id]).get(conversation_id)
    if users is None:
        return Audited([Drift(conversation_id, 0, "conversation_id", conversation_id, None)], None)
    locked = rows.lock(session, now, [(conversation_id, user) for user in users])
    drift = list(_seqs(session, now, head, repair=repair))
    waiting = _waiting(session, conversation_id)
    drift += _old_events(conversation_id, waiting, now)
    for row in locked.values():
        drift += _row(session, row, last_seq=_last_seq(session, conversation_id))
        if not waiting:
            drift += _lag(session, now, row, head, repair=repair)
    if repair and drift:
        rows.write(session, now, list(locked.values()))
    return Audited(drift, head.shard if drift else None)


def _require_known(session: Session, name: str) -> None:
    for model in (Message, Conversation):
        if session.scalar(select(model.id).where(model.conversation_id == name).limit(1)) is not None:
            return
    raise Refused(Code.NO_SUCH_CONVERSATION)


def sample(session: Session, _now: datetime, *, message_ids: Sequence[int]) -> list[str]:
    """Returns the conversations of the messages with these ids, each once: random ids make it a sample."""
    return list(session.scalars(select(Message.conversation_id).where(Message.id.in_(message_ids)).distinct()))


def all_conversations(session: Session, _now: datetime, *, after: str, limit: int) -> list[str]:
    """Returns up to `limit` ids of conversations that follow the id `after`, ascending."""
    statement = select(Head.conversation_id).where(Head.conversation_id > after).order_by(Head.conversation_id)
    return list(session.scalars(statement.limit(limit)))


def _last_seq(session: Session, name: str) -> int:
    return session.scalar(select(func.max(Message.seq)).where(Message.conversation_id == name)) or 0


def _seqs(session: Session, now: datetime, head: heads.LockedHead, *, repair: bool) -> Iterator[Drift]:
    name = head.conversation_id
    count, newest = session.execute(
        select(func.count(), func.max(Message.seq)).where(Message.conversation_id == name)
    ).one()
    newest = newest or 0
    if head.last_seq < newest:
        yield Drift(name, 0, "head last_seq", head.last_seq, newest)
        if repair:
            session.execute(update(Head).where(Head.conversation_id == name).values(last_seq=newest))
    dense = max(head.last_seq, newest)
    if count != dense:
        yield Drift(name, 0, "seqs", count, dense)
        if repair:
            _fill_holes(session, now, name, dense)


def _fill_holes(session: Session, now: datetime, name: str, dense: int) -> None:
    """Insert a tombstone for each missing message: clients wait for every seq."""
    there = set(session.scalars(select(Message.seq).where(Message.conversation_id == name)))
    tombstone = {
        "conversation_id": name,
        "from_user_id": 0,
        "to_user_id": 0,
        "message_type": MessageType.SYSTEM,
        "content": "",
        "status": Status.DELETED,
        "del_state": 1,
        "delete_time": now,
        "create_time": now,
        "update_time": now,
    }
    holes = [tombstone | {"seq": seq, "change_seq": seq} for seq in range(1, dense + 1) if seq not in there]
    session.execute(insert(Message), holes)


def _waiting(session: Session, name: str) -> Sequence[OutboxEvent]:
    return session.scalars(
        select(OutboxEvent).where(OutboxEvent.conversation_id == name).order_by(OutboxEvent.id)
    ).all()


def _old_events(name: str, waiting: Sequence[OutboxEvent], now: datetime) -> Iterator[Drift]:
    """Yields a drift when the oldest event is over OLD_EVENT old. A drain repairs it: the caller pokes the shard."""
    for event in waiting[:1]:
        if event.create_time < now - OLD_EVENT:
            yield Drift(name, 0, "outbox age", int((now - event.create_time).total_seconds()), 0)


def _row(session: Session, row: rows.View, *, last_seq: int) -> Iterator[Drift]:
    """Correct a locked row, watermarks first because counts follow from them. Yields what differed."""
    stored = {what: getattr(row, what) for what in _CHECKED}
    row.last_seq = min(row.last_seq, last_seq)
    row.read_seq = min(row.read_seq, last_seq)
    row.delivered_seq = max(row.read_seq, min(row.delivered_seq, last_seq))
    row.unread_count = count_unread(session, row, upto=row.last_seq)
    row.last_message_id = last_visible(session, row)
    for what, value in stored.items():
        if value != getattr(row, what):
            yield Drift(row.conversation_id, row.user_id, what, value, getattr(row, what))


def _lag(session: Session, now: datetime, row: rows.View, head: heads.LockedHead, *, repair: bool) -> Iterator[Drift]:
    """Yields a drift when a row is behind its conversation and no event waits; `repair` adds the lost events."""
    if row.last_seq >= head.last_seq:
        return
    yield Drift(row.conversation_id, row.user_id, "events", row.last_seq, head.last_seq)
    if repair:
        missed = session.execute(
            select(Message.id, Message.change_seq)
            .where(Message.conversation_id == row.conversation_id, Message.seq > row.last_seq)
            .order_by(Message.seq)
        ).all()
        name = row.conversation_id
        outbox.append(
            session,
            now,
            [
                (head.shard, MessageSent(conversation_id=name, change_seq=message.change_seq, message_id=message.id))
                for message in missed
            ],
        )
