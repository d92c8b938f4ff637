"""The consistency auditor: it checks, conversation by conversation, that the tables agree, and repairs them.

An audit holds the locks of the head and its rows, so that nothing changes meanwhile: a reported drift is real, never
a drain that was still under way. `looks_wrong` makes the same checks without a lock, so that what it finds has to be
audited.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from sqlalchemy import BindParameter, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.head import Head
from db.message import Message
from db.outbox import OutboxEvent
from messaging import heads, outbox, preview, rows, unread
from messaging.carrying_audit import carrying_drift
from messaging.conversation_id import group_of
from messaging.drift import WHOLE, Audited, Drift, Part
from messaging.errors import Code, Refused
from messaging.events import MessageSent
from messaging.groups.audit import group_drift
from messaging.members import members
from messaging.message_type import MessageType
from messaging.status import Status

OLD_EVENT = timedelta(seconds=10)
_CHECKED = ("last_seq", "read_seq", "delivered_seq", "unread_count", "last_message_id")

# Built once: putting a statement together costs as much as running it.
_HEADS, _ROWS, _MESSAGES, _EVENTS = table(Head).c, table(Conversation).c, table(Message).c, table(OutboxEvent).c
_NAME: BindParameter[str] = bindparam("name")
_HEAD = select(_HEADS.conversation_id, _HEADS.shard, _HEADS.last_seq, _HEADS.change_seq).where(
    _HEADS.conversation_id == _NAME
)
_VIEWS = select(*(_ROWS[field.name] for field in fields(rows.View))).where(
    _ROWS.user_id.in_(bindparam("users", expanding=True)), _ROWS.conversation_id == _NAME
)
_NEWEST = select(func.coalesce(func.max(_MESSAGES.seq), 0)).where(_MESSAGES.conversation_id == _NAME)
_COUNT = select(func.count(_MESSAGES.seq)).where(
    _MESSAGES.conversation_id == _NAME, _MESSAGES.seq > bindparam("after"), _MESSAGES.seq <= bindparam("upto")
)
_OLDEST = select(func.min(_EVENTS.create_time)).where(
    _EVENTS.shard == bindparam("shard"), _EVENTS.conversation_id == _NAME
)


def audit(session: Session, now: datetime, *, conversation_id: str, repair: bool, part: Part = WHOLE) -> Audited:
    """Check one conversation. Returns its drift, repaired with `repair`; without it, nothing is written.

    An id that names no conversation is a drift. Raises Refused(NO_SUCH_CONVERSATION) when no table knows the id.
    """
    with session.begin_nested() as trial:
        audited = _audit(session, now, conversation_id, part, repair=repair)
        if not repair:
            trial.rollback()  # locking creates what is missing
    return audited


def looks_wrong(session: Session, now: datetime, *, conversation_id: str, part: Part) -> bool:
    """Returns whether an audit of a conversation may find a drift. It locks nothing and writes nothing."""
    users = members(session, [conversation_id]).get(conversation_id, ())
    named = {"name": conversation_id}
    known, found, ((newest,),) = fly(
        session, Call(_HEAD, named), Call(_VIEWS, named | {"users": users}), Call(_NEWEST, named)
    )
    if not known:
        return True
    if group_of(conversation_id) is not None:
        return bool(_group_drift(session, now, known[0], newest, part, repair=False))
    if not users or len(found) < len(users):
        return True
    return bool(_drift(session, now, known[0], [rows.View(*row) for row in found], newest, part, repair=False))


def _audit(session: Session, now: datetime, conversation_id: str, part: Part, *, repair: bool) -> Audited:
    head = heads.lock_existing(session, conversation_id)
    if head is None:
        _require_known(session, conversation_id)
        head = heads.lock(session, [conversation_id])[conversation_id]
    (((newest,),),) = fly(session, Call(_NEWEST, {"name": conversation_id}))
    if group_of(conversation_id) is not None:
        drift = _group_drift(session, now, head, newest, part, repair=repair, lock=True)
        return Audited(drift, head.shard if drift else None)
    users = members(session, [conversation_id]).get(conversation_id)
    if users is None:
        return Audited([Drift(conversation_id, 0, "conversation_id", conversation_id, None)], None)
    locked = list(rows.lock(session, now, [(conversation_id, user) for user in users]).values())
    drift = _drift(session, now, head, locked, newest, part, repair=repair)
    if repair and drift:
        rows.write(session, now, locked)
    return Audited(drift, head.shard if drift else None)


def _drift(
    session: Session,
    now: datetime,
    head: heads.LockedHead,
    views: list[rows.View],
    newest: int,
    part: Part,
    *,
    repair: bool,
) -> list[Drift]:
    """Correct the given rows. Returns what differed in them and in the conversation, whose newest seq is `newest`."""
    drift, newest, waits = _messages(session, now, head, newest, part, repair=repair)
    drift += _rows(session, views, newest, part)
    if not waits:
        for view in views:
            drift += _lag(session, now, view, head, repair=repair)
    return [*drift, *carrying_drift(session, now, head.conversation_id, newest, part, repair=repair)]


def _group_drift(
    session: Session,
    now: datetime,
    head: heads.LockedHead,
    newest: int,
    part: Part,
    *,
    repair: bool,
    lock: bool = False,
) -> list[Drift]:
    drift, newest, _ = _messages(session, now, head, newest, part, repair=repair)
    name = head.conversation_id
    drift += group_drift(session, now, name, newest, part, lock=lock, repair=repair)
    return [*drift, *carrying_drift(session, now, name, newest, part, repair=repair)]


def _messages(
    session: Session, now: datetime, head: heads.LockedHead, newest: int, part: Part, *, repair: bool
) -> tuple[list[Drift], int, bool]:
    """Returns the drift of a conversation's seqs and events, its newest seq, and whether any event waits."""
    name, dense = head.conversation_id, max(head.last_seq, newest)
    after, upto = part.of(dense)
    ((count,),), ((oldest,),) = fly(
        session,
        Call(_COUNT, {"name": name, "after": after, "upto": upto}),
        Call(_OLDEST, {"name": name, "shard": head.shard}),
    )
    drift = list(_seqs(name, head.last_seq, newest, count, upto - after))
    if repair and drift:
        session.execute(update(Head).where(Head.conversation_id == name).values(last_seq=dense))
        _fill_holes(session, now, name, dense)
        newest = dense
    if oldest and oldest < now - OLD_EVENT:  # a drain repairs it: the caller pokes the shard
        drift.append(Drift(name, 0, "outbox age", int((now - oldest).total_seconds()), 0))
    return drift, newest, oldest is not None


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


def newest_message(session: Session, _now: datetime) -> int:
    """Returns the id of the newest message, 0 when there is none."""
    return session.scalar(select(func.max(Message.id))) or 0


def _seqs(name: str, last_seq: int, newest: int, count: int, right: int) -> Iterator[Drift]:
    if last_seq < newest:
        yield Drift(name, 0, "head last_seq", last_seq, newest)
    if count != right:
        yield Drift(name, 0, "seqs", count, right)


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
    if holes:
        session.execute(insert(Message), holes)


def _rows(session: Session, views: list[rows.View], newest: int, part: Part) -> Iterator[Drift]:
    """Correct the rows of a conversation, watermarks first because counts follow from them. Yields what differed."""
    stored = [{what: getattr(view, what) for what in _CHECKED} for view in views]
    for view in views:
        view.last_seq = min(view.last_seq, newest)
        view.read_seq = min(view.read_seq, newest)
        view.delivered_seq = max(view.read_seq, min(view.delivered_seq, newest))
    countable = [view for view in views if view.last_seq - view.read_seq <= part.most]
    answers = fly(
        session,
        *(preview.looking_for_last(view) for view in views),
        *(unread.counting(view, upto=view.last_seq) for view in countable),
    )
    for view, found in zip(views, answers, strict=False):
        view.last_message_id = found[0][0] if found else None
    for view, ((count,),) in zip(countable, answers[len(views) :], strict=True):
        view.unread_count = count
    for view, before in zip(views, stored, strict=True):
        for what, value in before.items():
            if value != getattr(view, what):
                yield Drift(view.conversation_id, view.user_id, what, value, getattr(view, what))


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
