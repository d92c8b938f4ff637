"""Removing media that nothing needs any more: uploads that no message carries, then bytes that no upload names.

Rows go in a transaction; their bytes are removed after it. What a crash leaves in between are bytes that no row names
(`unknown`). Locks: uploads by id, then blobs by id; who sends a message locks its upload, who uploads locks the blob.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, delete, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.blob import Blob
from db.flight import Call, fly
from db.media import Media
from db.media_use import MediaUse
from infra.settings import settings
from messaging.message import unix

# Built once: putting a statement together costs as much as running it.
_MEDIA, _USES, _BLOBS = table(Media), table(MediaUse), table(Blob)
_IDS: ColumnElement[bool] = _MEDIA.c.id.in_(bindparam("ids", expanding=True))
# Not EXISTS: MariaDB would read each row of the other table, instead of looking up this one.
_UNCARRIED = (
    select(_USES.c.message_id).where(_USES.c.media_id == _MEDIA.c.id).limit(1).correlate(_MEDIA).scalar_subquery()
).is_(None)
_UNUSED = (
    select(_MEDIA.c.id)
    .where(_MEDIA.c.unused_since < bindparam("before"), _UNCARRIED)
    .order_by(_MEDIA.c.unused_since)
    .limit(bindparam("limit"))
)
_LOCK = (
    select(_MEDIA.c.id).where(_IDS, _MEDIA.c.unused_since < bindparam("before")).order_by(_MEDIA.c.id).with_for_update()
)
_STILL = select(_MEDIA.c.id, _MEDIA.c.blob_id).where(_IDS, _UNCARRIED)
_FORGET = delete(_MEDIA).where(_IDS)

_UNNAMED = (
    select(_MEDIA.c.id).where(_MEDIA.c.blob_id == _BLOBS.c.id).limit(1).correlate(_BLOBS).scalar_subquery().is_(None)
)
_OF_BLOBS: ColumnElement[bool] = _BLOBS.c.id.in_(bindparam("ids", expanding=True))
_LOCK_BLOBS = select(_BLOBS.c.id).where(_OF_BLOBS).order_by(_BLOBS.c.id).with_for_update()
_WITHOUT_UPLOAD = select(_BLOBS.c.id, _BLOBS.c.name, _BLOBS.c.thumbnail_name).where(_OF_BLOBS, _UNNAMED)
_FORGET_BLOBS = delete(_BLOBS).where(_OF_BLOBS)
_PAGE = (
    select(_BLOBS.c.id, _UNNAMED.label("unnamed"))
    .where(_BLOBS.c.id > bindparam("after"))
    .order_by(_BLOBS.c.id)
    .limit(bindparam("limit"))
)
_NAMED = tuple(
    select(column).where(column.in_(bindparam("names", expanding=True)))
    for column in (_BLOBS.c.name, _BLOBS.c.thumbnail_name)
)


_NEWEST = select(func.max(_BLOBS.c.id))
_UNDER_WAY = timedelta(days=1)  # an upload is stored before its row, and takes less


@dataclass(frozen=True, slots=True)
class Removed:
    """How many uploads and blobs were removed, and the names of the bytes to remove from the storage after COMMIT."""

    uploads: int = 0
    blobs: int = 0
    names: tuple[str, ...] = ()


def remove_unused(session: Session, now: datetime, *, limit: int) -> Removed:
    """Remove up to `limit` uploads that no message has carried for MEDIA_UNUSED_SECONDS, and their bytes' last rows."""
    before = {"before": now - timedelta(seconds=settings().media_unused_seconds)}
    (found,) = fly(session, Call(_UNUSED, before | {"limit": limit}))
    if not found:
        return Removed()
    locked, *_ = fly(session, Call(_LOCK, before | {"ids": sorted(row.id for row in found)}))
    if not locked:
        return Removed()
    (still,) = fly(session, Call(_STILL, {"ids": [row.id for row in locked]}))  # locked now, so that it stays so
    if not still:
        return Removed()
    fly(session, Call(_FORGET, {"ids": [row.id for row in still]}))
    blobs = remove_blobs(session, now, ids={row.blob_id for row in still})
    return Removed(len(still), blobs.blobs, blobs.names)


def remove_blobs(session: Session, _now: datetime, *, ids: Collection[int]) -> Removed:
    """Remove those of these blobs that no upload names."""
    wanted = {"ids": sorted(ids)}
    _, gone = fly(session, Call(_LOCK_BLOBS, wanted), Call(_WITHOUT_UPLOAD, wanted))
    if not gone:
        return Removed()
    fly(session, Call(_FORGET_BLOBS, {"ids": [row.id for row in gone]}))
    names = (name for row in gone for name in (row.name, row.thumbnail_name) if name is not None)
    return Removed(0, len(gone), tuple(names))


def stray_blobs(session: Session, _now: datetime, *, after: int, limit: int) -> tuple[list[int], int]:
    """Returns those of the next `limit` blobs after the id `after` that no upload names, and the last of these ids.

    The id is 0 when there are no more.
    """
    (page,) = fly(session, Call(_PAGE, {"after": after, "limit": limit}))
    return [row.id for row in page if row.unnamed], page[-1].id if len(page) == limit else 0


def unknown(session: Session, now: datetime, *, stored: Collection[tuple[str, int]]) -> list[str]:
    """Returns those of these names in the storage, each with the Unix second of its writing, that no row names.

    What was written within a day may be of an upload that is under way.
    """
    newest = unix(now - _UNDER_WAY)
    names = [name for name, modified in stored if modified < newest]
    if not names:
        return []
    known = {row[0] for rows in fly(session, *(Call(each, {"names": names}) for each in _NAMED)) for row in rows}
    return [name for name in names if name not in known]


def removable(session: Session, now: datetime, *, stored: Collection[tuple[str, int]]) -> list[str]:
    """Returns what `unknown` does; none while no row names anything: this may be the storage of another database."""
    (((newest_id,),),) = fly(session, Call(_NEWEST))
    return unknown(session, now, stored=stored) if newest_id else []
