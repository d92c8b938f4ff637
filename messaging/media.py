"""Uploads: how many bytes of what kind, and the rows that an upload makes. actions/media.py stores their bytes.

The same bytes are stored once, however often they come: `im_blob` has a row for each sha256, which is locked before an
upload refers to it, so that nobody removes bytes under a new upload.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.blob import Blob, ThumbnailState
from db.flight import Call, fly
from db.insert_ignore import insert_ignore_call
from db.media import Media
from infra.settings import settings
from messaging.errors import Code, Refused
from messaging.message_type import MessageType

_MIB = 1024 * 1024
MOST_BYTES = {
    MessageType.IMAGE: 10 * _MIB,
    MessageType.VOICE: 2 * _MIB,
    MessageType.VIDEO: 100 * _MIB,
    MessageType.FILE: 100 * _MIB,
}
KINDS = {kind.name.lower(): kind for kind in MOST_BYTES}
_HAVE_THUMBNAILS = (MessageType.IMAGE, MessageType.VIDEO)
_DAY = timedelta(days=1)
MOST_A_DAY = 3_000  # uploads of a user; it keeps small what is summed up for MEDIA_BYTES_A_DAY

_BLOBS, _UPLOADS = table(Blob), table(Media)
_BLOB, _MEDIA = _BLOBS.c, _UPLOADS.c
_LOCK = select(_BLOB.id, _BLOB.name, _BLOB.thumbnail_state).where(_BLOB.sha256 == bindparam("sha256")).with_for_update()
_ADD = insert(_UPLOADS)
_WANT = (
    update(_BLOBS)
    .where(_BLOB.id == bindparam("blob_id"), _BLOB.thumbnail_state == ThumbnailState.NONE.value)
    .values(thumbnail_state=ThumbnailState.WANTED.value)
)
_NAME = select(_BLOB.name).where(_BLOB.id == bindparam("blob_id")).with_for_update()
_RENAME = update(_BLOBS).where(_BLOB.id == bindparam("blob_id")).values(name=bindparam("new"))
_LATELY = (
    select(func.count(), func.sum(_BLOB.size), func.min(_MEDIA.create_time))
    .join_from(_UPLOADS, _BLOBS, _BLOB.id == _MEDIA.blob_id)
    .where(_MEDIA.user_id == bindparam("user"), _MEDIA.create_time > bindparam("since"))
)


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload whose bytes are stored under `name`. `duration` is in milliseconds; 0 is unknown, in pixels as well."""

    media_id: str
    user_id: int
    kind: MessageType
    content_type: str
    width: int
    height: int
    duration: int
    sha256: bytes
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The blob of a recorded upload: `name` is another than the upload's when its bytes had been stored before."""

    blob_id: int
    name: str
    wants_thumbnail: bool


def require_room(session: Session, now: datetime, *, user_id: int, size: int) -> None:
    """Refuse `size` more bytes by a user who has uploaded MEDIA_BYTES_A_DAY, or MOST_A_DAY times, within 24 hours.

    Uploads that are under way do not count yet: as many as one user may have at once can exceed both together.
    Raises Refused(TOO_MANY_REQUESTS), with the seconds until the oldest of these uploads counts no more.
    """
    ((count, used, oldest),) = fly(session, Call(_LATELY, {"user": user_id, "since": now - _DAY}))[0]
    if count >= MOST_A_DAY or size + int(used or 0) > settings().media_bytes_a_day:
        wait = (oldest + _DAY - now) if oldest else _DAY
        raise Refused(Code.TOO_MANY_REQUESTS, "too much in 24 hours", retry_after=math.ceil(wait.total_seconds()))


def record(session: Session, now: datetime, *, upload: Upload) -> Recorded:
    """Store that a user has uploaded these bytes. No message carries them yet. Raises as `require_room` does."""
    require_room(session, now, user_id=upload.user_id, size=upload.size)
    blob = _locked_blob(session, now, upload)
    calls = [Call(_ADD, [_row(upload, blob.id, now)])]
    thumbnail = upload.kind in _HAVE_THUMBNAILS and blob.thumbnail_state in (ThumbnailState.NONE, ThumbnailState.WANTED)
    if thumbnail:
        calls.append(Call(_WANT, {"blob_id": blob.id}))
    fly(session, *calls)
    return Recorded(blob.id, blob.name, thumbnail)


def replace_bytes(session: Session, _now: datetime, *, blob_id: int, old: str, new: str) -> bool:
    """Have a blob whose bytes `old` are gone name these new ones. Returns False when it no longer names `old`."""
    (found,) = fly(session, Call(_NAME, {"blob_id": blob_id}))
    if not found or found[0].name != old:
        return False
    fly(session, Call(_RENAME, {"blob_id": blob_id, "new": new}))
    return True


def _locked_blob(session: Session, now: datetime, upload: Upload) -> Row[int, str, int]:
    """Returns the blob of an upload's bytes, locked. It is made when there is none."""
    new: dict[str, Any] = {
        "sha256": upload.sha256,
        "size": upload.size,
        "name": upload.name,
        "thumbnail_state": ThumbnailState.NONE.value,
        "thumbnail_attempts": 0,
        "create_time": now,
    }
    _, (found,) = fly(session, insert_ignore_call(session, Blob, [new]), Call(_LOCK, {"sha256": upload.sha256}))
    return found  # type: ignore[no-any-return]


def _row(upload: Upload, blob_id: int, now: datetime) -> dict[str, Any]:
    return {
        "id": upload.media_id,
        "user_id": upload.user_id,
        "kind": upload.kind.value,
        "blob_id": blob_id,
        "content_type": upload.content_type,
        "width": upload.width,
        "height": upload.height,
        "duration": upload.duration,
        "sent": False,
        "unused_since": now,
        "create_time": now,
    }
