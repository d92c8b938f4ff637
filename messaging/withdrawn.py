"""The steps that recalling and deleting share: lock, change the message, then correct the rows of its users."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, Row
from sqlalchemy.orm import Session

from db.flight import fly
from messaging import carrying, changes, heads, outbox, rows
from messaging.events import Event
from messaging.message import lock_message, set_message
from messaging.preview import refresh_preview
from messaging.unread import uncount


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The message as it now stands, and the outbox shard to poke: None when nothing has changed."""

    message: Any
    shard: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A locked message, with the locked head and conversation rows that depend on it; none in a group."""

    message: Row[Any]
    head: heads.LockedHead
    rows: list[rows.View]


def hold(session: Session, now: datetime, message: Row[Any], user_ids: Collection[int]) -> Held:
    """Lock the head, these users' rows of a pair and the message, in this order. Returns them as they are then.

    In a group all others who lock its messages hold its head as well, and no rows are locked here.
    Waits for a drain that is publishing the message or a reply to it: its text must not arrive after the answer.
    """
    name = message.conversation_id
    head = heads.lock(session, [name])[name]
    locked = rows.lock(session, now, [(name, user) for user in user_ids])
    current = lock_message(session, message.id)
    outbox.hold_back(session, shard=head.shard, conversation_id=name, message_id=message.id)
    return Held(current, head, [locked[key] for key in sorted(locked)])


def withdraw(
    session: Session,
    now: datetime,
    held: Held,
    *,
    event: type[Event],
    user_id: int,
    hide: Insert | None = None,
    **values: Any,
) -> Withdrawn:
    """Set `values` on a pair's message, or run `hide`; correct the held rows' counts and previews; add the `event`.

    Returns the message as it now stands, and the outbox shard to poke.
    """
    message = held.message
    for row in held.rows:
        uncount(session, row, message)
    if hide is not None:
        session.execute(hide)
    else:
        fly(session, *carrying.removing(now, message))
    done = change(session, now, held, event=event, user_id=user_id, **values)
    for row in held.rows:
        refresh_preview(session, row, message)
    rows.write(session, now, held.rows)
    return done


def change(
    session: Session, now: datetime, held: Held, *, event: type[Event], user_id: int, **values: Any
) -> Withdrawn:
    """Set `values` on a held message, number the change and add its `event`.

    Returns the message as it now stands, and the outbox shard to poke.
    """
    change_seq = changes.record(session, now, held.head, event, user_id=user_id, message_id=held.message.id)
    set_message(session, held.message.id, change_seq=change_seq, update_time=now, **values)
    return Withdrawn(lock_message(session, held.message.id), held.head.shard)
