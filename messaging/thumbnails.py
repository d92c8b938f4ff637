"""Thumbnails: which are wanted, how often one was tried, and who is told of one that comes after its message.

A blob stays WANTED until all messages that carry it have been told: what a worker that dies leaves undone is found and
done by another. A message may be told twice then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import CursorResult, Update, and_, bindparam, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.blob import Blob, ThumbnailState
from db.flight import Call, fly
from db.media import Media
from db.message import Message
from messaging import heads, outbox
from messaging.blob_messages import Place, messages_of_blob
from messaging.events import MessageUpdated
from messaging.message_type import MessageType
from messaging.status import Status

MOST_TRIES = 3
TOLD_TOGETHER = 100  # messages

SHOWN = (MessageType.IMAGE, MessageType.VIDEO)
# Built once: putting a statement together costs as much as running it.
_MESSAGES = table(Message).c
_READABLE = (
    select(_MESSAGES.id, _MESSAGES.conversation_id)
    .where(_MESSAGES.id.in_(bindparam("ids", expanding=True)), _MESSAGES.status < Status.RECALLED)
    .order_by(_MESSAGES.id)
    .with_for_update()
)
_CHANGED = (
    update(table(Message))
    .where(_MESSAGES.id == bindparam("changed_id"))
    .values(change_seq=bindparam("new_change_seq"), update_time=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A blob whose thumbnail is wanted: `name` and `size` of its bytes, and how often it was tried, with this time.

    `made` says that there is a thumbnail already, and messages are still to be told.
    """

    name: str
    size: int
    content_type: str
    tries: int
    made: bool


def begin(session: Session, _now: datetime, *, blob_id: int) -> Wanted | None:
    """Count a try. Returns what it is to be made of, None when no thumbnail of this blob is wanted any more."""
    blob = session.execute(select(*Blob.__table__.columns).where(Blob.id == blob_id).with_for_update()).one_or_none()
    if blob is None or blob.thumbnail_state != ThumbnailState.WANTED:
        return None
    shown = select(Media.content_type).where(Media.blob_id == blob_id, Media.kind.in_(SHOWN)).limit(1)
    content_type = session.scalar(shown)
    if content_type is None:  # whoever wanted it is gone
        _set(session, _wanted(blob_id), thumbnail_state=ThumbnailState.NONE)
        return None
    tries = blob.thumbnail_attempts + 1
    _set(session, _wanted(blob_id), thumbnail_attempts=tries)
    return Wanted(blob.name, blob.size, content_type, tries, made=blob.thumbnail_name is not None)


def put_off(session: Session, _now: datetime, *, blob_id: int) -> None:
    """Take back a try that came to nothing through no fault of the bytes."""
    _set(session, _wanted(blob_id), thumbnail_attempts=Blob.thumbnail_attempts - 1)


def give_up(session: Session, _now: datetime, *, blob_id: int, state: ThumbnailState = ThumbnailState.FAILED) -> bool:
    """Say that there will be no thumbnail; with the state NONE, that the next upload of these bytes may want one.

    Returns whether this has changed anything.
    """
    return _set(session, _wanted(blob_id, Blob.thumbnail_name.is_(None)), thumbnail_state=state, thumbnail_attempts=0)


def keep(session: Session, _now: datetime, *, blob_id: int, name: str, thumbnail_name: str) -> bool:
    """Say where the thumbnail of the bytes `name` is stored. Returns False when it has one already, or is gone."""
    still = _wanted(blob_id, Blob.name == name, Blob.thumbnail_name.is_(None))
    return _set(session, still, thumbnail_name=thumbnail_name)


def finish(session: Session, _now: datetime, *, blob_id: int) -> None:
    """Say that all messages have been told of the thumbnail."""
    _set(session, _wanted(blob_id, Blob.thumbnail_name.is_not(None)), thumbnail_state=ThumbnailState.MADE)


def overdue(session: Session, now: datetime, *, older_than: timedelta, after: int, limit: int) -> Sequence[int]:
    """Returns the next ids, behind `after`, of blobs whose thumbnail is still wanted.

    The task was lost, or has to run again.
    """
    statement = select(Blob.id).where(
        Blob.thumbnail_state == ThumbnailState.WANTED, Blob.create_time < now - older_than, Blob.id > after
    )
    return session.scalars(statement.order_by(Blob.id).limit(limit)).all()


def tell(session: Session, now: datetime, *, blob_id: int, after: Place) -> tuple[set[int], Place | None]:
    """Give the next messages that carry a blob, a hundred at most, a change that announces them anew.

    Returns the shards to drain, and the place after which to go on, None when these were the last.
    """
    found, place = messages_of_blob(session, blob_id=blob_id, kinds=SHOWN, after=after, limit=TOLD_TOGETHER)
    if not found:
        return set(), place
    locked = heads.lock_known(session, {use.conversation_id for use in found})
    (messages,) = fly(session, Call(_READABLE, {"ids": sorted({use.message_id for use in found})}))
    changed = list(_numbered(messages, locked))
    if changed:
        _store(session, now, changed, locked)
    return {locked[event.conversation_id].shard for event in changed}, place


def _numbered(messages: Sequence[Any], locked: dict[str, heads.LockedHead]) -> Iterator[MessageUpdated]:
    """Yields an event for each message, with the next numbers of its conversation."""
    known = sorted((each.conversation_id, each.id) for each in messages if each.conversation_id in locked)
    for name, ours in groupby(known, key=lambda each: each[0]):
        for change_seq, (_, id_) in enumerate(ours, locked[name].change_seq + 1):
            yield MessageUpdated(conversation_id=name, change_seq=change_seq, message_id=id_)


def _store(
    session: Session, now: datetime, events: Sequence[MessageUpdated], locked: dict[str, heads.LockedHead]
) -> None:
    taken = {event.conversation_id: event.change_seq - locked[event.conversation_id].change_seq for event in events}
    heads.advance(session, [locked[name] for name in taken], taken, messages=False)
    numbers = [{"changed_id": each.message_id, "new_change_seq": each.change_seq, "now": now} for each in events]
    fly(session, *(Call(_CHANGED, each) for each in numbers))
    outbox.append(session, now, [(locked[event.conversation_id].shard, event) for event in events])


def _wanted(blob_id: int, *conditions: Any) -> Update:
    return update(Blob).where(and_(Blob.id == blob_id, Blob.thumbnail_state == ThumbnailState.WANTED, *conditions))


def _set(session: Session, statement: Update, **values: Any) -> bool:
    result: CursorResult[Any] = session.execute(  # type: ignore[assignment]
        statement.values(**values).execution_options(synchronize_session=False)
    )
    return bool(result.rowcount)
