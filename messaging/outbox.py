"""Outbox events: written in the transaction that they describe, and worked off by workers (workers/outbox.py)."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, exists, func, insert, or_, select, text
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.insert_ignore import insert_ignore
from db.message import Message
from db.outbox import Kind, OutboxEvent
from db.outbox_shard import OutboxShard
from messaging.events import Event
from messaging.events.kinds import row_of

# Built once: putting a statement together costs as much as running it.
_EVENTS = table(OutboxEvent)
_SHARDS = table(OutboxShard)
_TOLD = (
    *("id", "shard", "conversation_id", "kind", "message_id", "user_id", "change_seq", "detail", "trace", "attempts"),
    *("read_seq", "origin"),  # events of the release before have them instead of `detail`
)
_INSERT = insert(_EVENTS)
_KNOWN = select(_SHARDS.c.shard).where(_SHARDS.c.shard.in_(bindparam("shards", expanding=True)))
_FREE = _KNOWN.order_by(_SHARDS.c.shard).with_for_update(skip_locked=True)
# In the order of the index, so that of thousands of events a batch reads and sorts no more than it takes.
_PENDING = (
    select(*(_EVENTS.c[name] for name in _TOLD))
    .where(_EVENTS.c.shard.in_(bindparam("shards", expanding=True)))
    .order_by(_EVENTS.c.shard, _EVENTS.c.id)
    .limit(bindparam("limit"))
)
_THESE = _EVENTS.c.id.in_(bindparam("ids", expanding=True))
_IDENTITY = (_EVENTS.c.id, _EVENTS.c.conversation_id, _EVENTS.c.change_seq)
_LOCKED = select(*_IDENTITY).where(_THESE).order_by(_EVENTS.c.id).with_for_update()
_MESSAGES = table(Message).c
# Replies are found by a pattern, which may take in others too: who withdraws a message then waits for these as well.
_QUOTES = exists().where(_MESSAGES.id == _EVENTS.c.message_id, _MESSAGES.extra.like(bindparam("answering")))
_TELLING = select(_EVENTS.c.id).where(
    _EVENTS.c.shard == bindparam("shard"),
    _EVENTS.c.conversation_id == bindparam("conversation_id"),
    _EVENTS.c.kind.in_((Kind.SENT, Kind.UPDATED)),  # no others tell a text
    or_(_EVENTS.c.message_id == bindparam("message_id"), _QUOTES),
)
# A plain DELETE would read a small table from end to end, and wait on its way for each event that others have locked.
_REMOVE_BY_KEY = text(
    "DELETE gone FROM im_outbox AS named STRAIGHT_JOIN im_outbox AS gone ON gone.id = named.id WHERE named.id IN :ids"
).bindparams(bindparam("ids", expanding=True))
_REMOVE: dict[str, Any] = {"sqlite": delete(_EVENTS).where(_THESE), "mysql": _REMOVE_BY_KEY, "mariadb": _REMOVE_BY_KEY}

Pending = Row[Any]


def append(session: Session, now: datetime, events: Sequence[tuple[int, Event]]) -> None:
    """Add events, each with the shard of its conversation's head, in one statement.

    The caller holds the locks of these conversations' heads.
    """
    session.execute(_INSERT, [row_of(event, shard=shard, now=now) for shard, event in events])


def locking(shards: Sequence[int]) -> Call:
    """Returns the call that locks those of these shards that no other drain holds, until COMMIT."""
    return Call(_FREE, {"shards": list(shards)})


def claiming(shards: Sequence[int], *, limit: int) -> list[Call]:
    """Returns the calls that lock those of these shards that are free, and read up to `limit` of their oldest events.

    The events are ordered by shard, then id; those of shards that another drain holds are among them.
    """
    return [locking(shards), Call(_PENDING, {"shards": list(shards), "limit": limit})]


def claimed(
    session: Session, shards: Sequence[int], found: Sequence[Rows], *, limit: int
) -> tuple[frozenset[int], Sequence[Pending]]:
    """Returns the shards that the calls of `claiming` locked, and up to `limit` of the oldest events of these shards.

    Shards that are drained for the first time are locked as well.
    """
    free, events = found
    locked = frozenset(row.shard for row in free)
    if len(locked) == len(shards):
        return locked, events
    new = _created(session, set(shards) - locked)
    ours = [event for event in events if event.shard in locked]
    if not new and (len(ours) == len(events) or len(events) < limit):
        return locked, ours
    locked |= new  # the others' events may have left no room for all of ours
    (again,) = fly(session, Call(_PENDING, {"shards": sorted(locked), "limit": limit})) if locked else ([],)
    return locked, again


def _created(session: Session, shards: Collection[int]) -> frozenset[int]:
    """Create those of these shards that have no row yet. Returns those of them that it could lock."""
    (known,) = fly(session, Call(_KNOWN, {"shards": sorted(shards)}))
    new = sorted(set(shards) - {row.shard for row in known})
    if not new:
        return frozenset()
    insert_ignore(session, OutboxShard, [{"shard": shard} for shard in new])
    (free,) = fly(session, locking(new))
    return frozenset(row.shard for row in free)


def holding(ids: Sequence[int]) -> Call:
    """Returns the call that locks those of these events that are still there, until COMMIT.

    Who withdraws a message waits for its event until the text is out. Nobody else waits for events.
    """
    return Call(_LOCKED, {"ids": list(ids)})


def held(events: Sequence[Pending], found: Rows) -> list[Pending]:
    """Returns those of the events that the call of `holding` found. Others with their ids are not the same.

    SQLite gives the ids of deleted events out again.
    """
    there = {(row.id, row.conversation_id, row.change_seq) for row in found}
    return [event for event in events if (event.id, event.conversation_id, event.change_seq) in there]


def hold_back(session: Session, *, shard: int, conversation_id: str, message_id: int) -> None:
    """Wait until no drain is publishing this message or a reply that quotes it, and let none do so until COMMIT.

    The caller holds the lock of the conversation's head, so that no reply is added meanwhile.
    """
    asked = {"conversation_id": conversation_id, "message_id": message_id, "answering": f'%"reply_to"%{message_id}%'}
    (found,) = fly(session, Call(_TELLING, {"shard": shard} | asked))
    if found:  # locked by their ids alone: on the way to them, others would be waited for
        fly(session, holding([row.id for row in found]))


def remove(session: Session, ids: Sequence[int]) -> None:
    """Delete the events with these ids, and no range: an event with a smaller id may have been committed since."""
    if ids:
        fly(session, Call(_REMOVE[session.get_bind().dialect.name], {"ids": list(ids)}))


def stray_shards(session: Session, now: datetime, *, older_than: timedelta) -> list[int]:
    """Returns the shards whose oldest event is older than `older_than`: their poke was lost, or Redis was away.

    An event dated as far ahead counts as well: the database's clock was set back since.
    """
    oldest = select(func.min(OutboxEvent.id).label("id")).group_by(OutboxEvent.shard).subquery()
    off = or_(OutboxEvent.create_time < now - older_than, OutboxEvent.create_time > now + older_than)
    statement = select(OutboxEvent.shard).join(oldest, oldest.c.id == OutboxEvent.id).where(off)
    return list(session.scalars(statement))
