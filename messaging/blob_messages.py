"""The messages that carry some bytes, whoever uploaded them, a page at a time."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.media import Media
from db.media_use import MediaUse
from infra.ids import MAX_ID

Place = tuple[str, int]  # a media id, and the id of a message that carries it
BEGINNING: Place = ("", 0)

# Built once: putting a statement together costs as much as running it. Two, because MariaDB would sort a join whole.
_MEDIA, _USES = table(Media).c, table(MediaUse).c
_UPLOADS = (
    select(_MEDIA.id)
    .where(
        _MEDIA.blob_id == bindparam("blob_id"),
        _MEDIA.kind.in_(bindparam("kinds", expanding=True)),
        _MEDIA.id >= bindparam("media_id"),
    )
    .order_by(_MEDIA.id)
    .limit(bindparam("limit"))
)
_CARRYING = (
    select(_USES.media_id, _USES.message_id, _USES.conversation_id)
    .where(
        _USES.media_id.in_(bindparam("ids", expanding=True)),
        or_(_USES.media_id > bindparam("media_id"), _USES.message_id > bindparam("message_id")),
    )
    .order_by(_USES.media_id, _USES.message_id)
    .limit(bindparam("limit"))
)


class Page(NamedTuple):
    """`uses` have `message_id` and `conversation_id`; `place` is where the next page begins, None after the last."""

    uses: Rows
    place: Place | None


def messages_of_blob(session: Session, *, blob_id: int, kinds: Collection[int], after: Place, limit: int) -> Page:
    """Returns up to `limit` messages that carry a blob as an upload of one of these kinds, maybe none in a page."""
    media_id, message_id = after
    asked: dict[str, Any] = {"media_id": media_id, "limit": limit}
    (uploads,) = fly(session, Call(_UPLOADS, asked | {"blob_id": blob_id, "kinds": sorted(kinds)}))
    ids = [row.id for row in uploads]
    if not ids:
        return Page([], None)
    (uses,) = fly(session, Call(_CARRYING, asked | {"ids": ids, "message_id": message_id}))
    if len(uses) == limit:
        return Page(uses, (uses[-1].media_id, uses[-1].message_id))
    return Page(uses, (ids[-1], MAX_ID) if len(ids) == limit else None)
