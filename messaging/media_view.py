"""An upload as its readers see it: what it is, and addresses at which its bytes are read for a while."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from infra import signatures
from messaging.media_rights import require_readable
from messaging.message import unix
from messaging.message_type import MessageType

WHOLE, THUMBNAIL = "whole", "thumbnail"  # the variants of an upload that have addresses
_PATHS = {WHOLE: "/media/v1/{}", THUMBNAIL: "/media/v1/{}/thumbnail"}


def media(session: Session, now: datetime, *, user_id: int, media_id: str) -> dict[str, Any]:
    """Returns `media_schemas.Media` of an upload. Raises Refused(NO_SUCH_MEDIA) for whoever may not read it."""
    return view(require_readable(session, now, user_id=user_id, media_id=media_id), unix(now))


def view(row: Row[Any], now: int) -> dict[str, Any]:
    """Returns `media_schemas.Media` of a row of messaging/media_rights.py, at the Unix second `now`."""
    has_thumbnail = row.thumbnail_name is not None  # from then on its messages are told of it
    return {
        "media_id": row.id,
        "kind": MessageType(row.kind).name.lower(),
        "size": row.size,
        "content_type": row.content_type,
        "sha256": row.sha256.hex(),
        "width": row.width or None,
        "height": row.height or None,
        "duration": row.duration / 1_000 if row.duration else None,
        "url": _address(row.id, WHOLE, now),
        "thumbnail_url": _address(row.id, THUMBNAIL, now) if has_thumbnail else None,
        "expires_in": signatures.LIFETIME,
    }


def _address(media_id: str, variant: str, now: int) -> str:
    expires = now + signatures.LIFETIME
    signature = signatures.sign(media_id, variant, expires)
    return f"{_PATHS[variant].format(media_id)}?expires={expires}&signature={signature}"
