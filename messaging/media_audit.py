"""What the tables say of the storage, for an audit that holds one against the other."""

from datetime import datetime
from heapq import merge
from itertools import islice
from typing import NamedTuple

from sqlalchemy import bindparam, literal, select
from sqlalchemy.orm import Session

from db.base import table
from db.blob import Blob
from db.flight import Call, fly
from messaging.blob_messages import BEGINNING, Place, messages_of_blob
from messaging.message_type import SENDABLE

# Built once: putting a statement together costs as much as running it.
_BLOBS = table(Blob).c
_NAMES = tuple(
    select(column.label("name"), size.label("size"), _BLOBS.id)
    .where(column > bindparam("after"))
    .order_by(column)
    .limit(bindparam("limit"))
    for column, size in ((_BLOBS.name, _BLOBS.size), (_BLOBS.thumbnail_name, literal(None)))
)


class Named(NamedTuple):
    """Bytes that should be in the storage: the bytes of an upload, or, without a `size`, a thumbnail."""

    name: str
    size: int | None
    blob_id: int


def named(session: Session, _now: datetime, *, after: str, limit: int) -> list[Named]:
    """Returns the next `limit` names of the storage that rows hold, in their order."""
    found = fly(session, *(Call(each, {"after": after, "limit": limit}) for each in _NAMES))
    return list(islice(merge(*([Named(*row) for row in rows] for rows in found)), limit))


def is_named(session: Session, _now: datetime, *, name: str) -> bool:
    """Returns whether a row holds this name."""
    return any(session.scalar(select(_BLOBS.id).where(each == name)) for each in (_BLOBS.name, _BLOBS.thumbnail_name))


def carrying(session: Session, _now: datetime, *, blob_id: int, limit: int) -> list[int]:
    """Returns the ids of up to `limit` messages that carry a blob, none only if there are none."""
    place: Place | None = BEGINNING
    while place:
        uses, place = messages_of_blob(session, blob_id=blob_id, kinds=SENDABLE, after=place, limit=limit)
        if uses:
            return [use.message_id for use in uses]
    return []
