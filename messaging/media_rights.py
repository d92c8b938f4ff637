"""Who may read an upload: one query, asked for a reader, for many of a batch, and for a signed address.

An upload can be read by whoever sees a message that carries it, and by its uploader until a message has carried it.
The rows of `im_media_use` are those of messages that stand. The status of the message is asked all the same: a process
of a release that knew no uploads withdraws messages and leaves these rows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Join, Row, Select, and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from db.base import table
from db.blob import Blob
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from db.hidden import Hidden
from db.media import Media
from db.media_use import MediaUse
from db.message import Message
from infra.ids import MAX_ID
from messaging.errors import Code, Refused
from messaging.message import unix
from messaging.status import Status

UserAndMedia = tuple[int, str]  # user_id, media_id
MEDIA_ID = "^[0-9a-f]{32}$"

_UPLOADS, _BLOBS, _USES, _ROWS = table(Media), table(Blob), table(MediaUse), table(Conversation)
_MEDIA, _BLOB, _USE, _ROW, _HIDDEN = _UPLOADS.c, _BLOBS.c, _USES.c, _ROWS.c, table(Hidden).c
_USER: BindParameter[int] = bindparam("user")
_MESSAGE = table(Message).c
# The uses of an upload by messages that stand, each looked up by its id.
_STANDING = _USES.join(table(Message), and_(_MESSAGE.id == _USE.message_id, _MESSAGE.status < Status.RECALLED))

_READ = (
    select(
        *(_MEDIA[name] for name in ("id", "user_id", "kind", "blob_id", "content_type")),
        *(_MEDIA[name] for name in ("width", "height", "duration", "sent", "unused_since")),
        *(_BLOB[name] for name in ("sha256", "size", "name", "thumbnail_state", "thumbnail_name")),
    )
    .join_from(_UPLOADS, _BLOBS, _BLOB.id == _MEDIA.blob_id)
    .where(_MEDIA.id == bindparam("media_id"))
)


def _a_use(*conditions: ColumnElement[bool], joined: Join = _STANDING) -> ColumnElement[bool]:
    """Returns the condition that a message, which `user` has not hidden, carries the upload of the enclosing query."""
    # Not EXISTS: MariaDB would read every message that the user has ever hidden, instead of looking up this one.
    hidden = select(_HIDDEN.message_id).where(_HIDDEN.user_id == _USER, _HIDDEN.message_id == _USE.message_id)
    found = select(_USE.message_id).select_from(joined).where(_USE.media_id == _MEDIA.id, *conditions)
    return found.where(hidden.correlate(_USES).scalar_subquery().is_(None)).correlate(_UPLOADS).exists()


# Two conditions, because a pair's two users see all of it, whether they have a row of it yet or not; and so that rows
# are looked up of groups alone.
_IN_A_PAIR = _a_use(or_(_USE.low_id == _USER, _USE.high_id == _USER))
_IN_A_GROUP = _a_use(
    *(_USE.low_id == 0, _ROW.user_id == _USER),
    *(_ROW.first_seq <= _USE.seq, _USE.seq <= func.coalesce(_ROW.upto_seq, MAX_ID)),
    joined=_STANDING.join(_ROWS, _ROW.conversation_id == _USE.conversation_id),
)
_NEVER_SENT = _MEDIA.sent.is_(False)
_USED = select(_USE.message_id).select_from(_STANDING).where(_USE.media_id == _MEDIA.id).correlate(_UPLOADS).exists()
# Built once: putting a statement together costs as much as running it.
_READABLE: Select[Any] = _READ.where(or_(and_(_MEDIA.user_id == _USER, _NEVER_SENT), _IN_A_PAIR, _IN_A_GROUP))
_REACHABLE: Select[Any] = _READ.where(or_(_NEVER_SENT, _USED))


def readable(session: Session, *, user_id: int, media_id: str) -> Row[Any] | None:
    """Returns the upload and its blob, as columns of one row, when this user may read them; otherwise None."""
    return _exact(media_id, *fly(session, _call(user_id, media_id)))


def reachable(session: Session, *, media_id: str) -> Row[Any] | None:
    """Returns the same as `readable`, for whoever has a signed address: None when no message carries it any more."""
    return _exact(media_id, *fly(session, Call(_REACHABLE, {"media_id": media_id})))


def require_readable(session: Session, _now: datetime, *, user_id: int, media_id: str) -> Row[Any]:
    """Returns what `readable` does. Raises Refused(NO_SUCH_MEDIA) for whoever may not read it."""
    found = readable(session, user_id=user_id, media_id=media_id)
    if found is None:
        raise Refused(Code.NO_SUCH_MEDIA)
    return found


def require_reachable(session: Session, now: datetime, *, media_id: str, expires: int) -> Row[Any]:
    """Returns what `reachable` does, up to the Unix second `expires`. Raises Refused(NO_SUCH_MEDIA)."""
    found = reachable(session, media_id=media_id) if unix(now) < expires else None
    if found is None:
        raise Refused(Code.NO_SUCH_MEDIA)
    return found


def asking(pairs: Collection[UserAndMedia]) -> list[Call]:
    """Returns the calls whose rows `told` takes, one for each pair: MariaDB plans a long list for too long."""
    return [_call(*pair) for pair in sorted(set(pairs))]


def told(pairs: Collection[UserAndMedia], rows: Sequence[Rows]) -> dict[UserAndMedia, Row[Any]]:
    """Returns what `readable` would of each of these pairs, without those who may not read."""
    found = {pair: _exact(pair[1], each) for pair, each in zip(sorted(set(pairs)), rows, strict=True)}
    return {pair: row for pair, row in found.items() if row is not None}


def _call(user_id: int, media_id: str) -> Call:
    return Call(_READABLE, {"user": user_id, "media_id": media_id})


def _exact(media_id: str, found: Rows) -> Row[Any] | None:
    """Returns the row of this very id. MariaDB also finds it by the id with a space behind it."""
    return next((row for row in found if row.id == media_id), None)
