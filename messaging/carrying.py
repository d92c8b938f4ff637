"""What uploads add to a batch of sends, and what becomes of them when their message is withdrawn.

An upload's row is locked behind heads, rows and messages: so whether any message carries it is known exactly, and what
nobody carries can be removed. A message is stored with what the server has measured.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, delete, insert, null, select, update

from db.base import table
from db.blob import Blob
from db.flight import Call, Rows
from db.media import Media
from db.media_use import MediaUse
from db.message import Message
from messaging import media_rights
from messaging.bodies import media_of
from messaging.conversation_id import participants
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.media_rights import UserAndMedia
from messaging.message_type import MessageType

# Built once: putting a statement together costs as much as running it.
_UPLOADS, _USES, _MESSAGES = table(Media), table(MediaUse), table(Message)
_MEDIA, _USE, _MESSAGE, _BLOB = _UPLOADS.c, _USES.c, _MESSAGES.c, table(Blob).c
_THESE = _MEDIA.id.in_(bindparam("ids", expanding=True))
# The size by a subquery, which FOR UPDATE does not lock: two uploads of the same bytes share a blob.
_LOCK = (
    select(
        *(_MEDIA[name] for name in ("id", "user_id", "kind", "width", "height", "duration", "sent", "unused_since")),
        select(_BLOB.size).where(_BLOB.id == _MEDIA.blob_id).scalar_subquery().label("size"),
    )
    .where(_THESE)
    .order_by(_MEDIA.id)
    .with_for_update()
)
_CARRY = insert(_USES).from_select(
    ["media_id", "message_id", "conversation_id", "seq", "low_id", "high_id"],
    select(
        bindparam("media", type_=_USE.media_id.type),
        *(_MESSAGE.id, _MESSAGE.conversation_id, _MESSAGE.seq),
        *(bindparam("low", type_=_USE.low_id.type), bindparam("high", type_=_USE.high_id.type)),
    ).where(_MESSAGE.conversation_id == bindparam("name"), _MESSAGE.seq == bindparam("place")),
)
_SENT = update(_UPLOADS).where(_THESE).values(sent=True, unused_since=null())
_DROP = delete(_USES).where(_USE.media_id == bindparam("media"), _USE.message_id == bindparam("message"))
# Not EXISTS: MariaDB would read each row of the other table, instead of looking up this one.
_CARRIED = select(_USE.message_id).where(_USE.media_id == _MEDIA.id).limit(1).correlate(_UPLOADS).scalar_subquery()
_UNUSED = (
    update(_UPLOADS)
    .where(_THESE, _MEDIA.unused_since.is_(None), _CARRIED.is_(None))
    .values(unused_since=bindparam("moment", type_=_MEDIA.unused_since.type))
)

_MEASURED: dict[int, tuple[str, ...]] = {
    MessageType.IMAGE: ("width", "height"),
    MessageType.VOICE: ("duration",),
    MessageType.VIDEO: ("width", "height", "duration"),
    MessageType.FILE: ("size",),
}


def asking(drafts: Sequence[Draft]) -> list[Call]:
    """Returns the calls whose rows `Uploads` needs, for a flight behind the locks of heads and rows.

    They lock the uploads that drafts carry, and ask who may read them: none, when no draft carries any.
    """
    pairs = _pairs(drafts)
    return [_locking({media_id for _, media_id in pairs}), *media_rights.asking(pairs)] if pairs else []


def _pairs(drafts: Sequence[Draft]) -> set[UserAndMedia]:
    return {(draft.from_user_id, draft.media_id) for draft in drafts if draft.media_id is not None}


def _locking(ids: Collection[str]) -> Call:
    return Call(_LOCK, {"ids": sorted(ids)})


class Uploads:
    """The uploads that the drafts of a batch carry, locked, and which of them their senders may read."""

    def __init__(self, drafts: Sequence[Draft], rows: Sequence[Rows]) -> None:
        """Take the `rows` of the calls of `asking` for these drafts."""
        pairs = _pairs(drafts)
        locked, *readable = rows or [[]]
        self._uploads = {row.id: row for row in locked}
        self._readable = media_rights.told(pairs, readable) if pairs else {}

    def refusal(self, draft: Draft) -> Refused | None:
        """Returns why a draft may not carry what it names, or None: it may, or carries nothing.

        One may send what one has uploaded, or can read.
        """
        if draft.media_id is None:
            return None
        upload = self._uploads.get(draft.media_id)
        if upload is None or not self._is_theirs(upload, draft):
            return Refused(Code.NO_SUCH_MEDIA)
        if upload.kind != draft.message_type:
            return Refused(Code.INVALID, fields={"extra": ["media_id names an upload of another kind."]})
        return None

    def _is_theirs(self, upload: Row[Any], draft: Draft) -> bool:
        return upload.user_id == draft.from_user_id or (draft.from_user_id, draft.media_id) in self._readable

    def filled(self, draft: Draft) -> str | None:
        """Returns the `extra` to store: what the server has measured overrules what was sent."""
        if draft.media_id is None:
            return draft.extra
        given: dict[str, Any] = orjson.loads(draft.extra or "{}")
        return orjson.dumps(given | measured(self._uploads[draft.media_id])).decode()

    def writing(self, stored: Sequence[tuple[Draft, int]]) -> list[Call]:
        """Returns the calls that write which messages carry what. They follow the messages' own.

        `stored` are drafts with the seqs that they got.
        """
        calls = [Call(_CARRY, _use(draft, seq)) for draft, seq in stored if draft.media_id is not None]
        if not calls:
            return []
        ids = {draft.media_id for draft, _ in stored if draft.media_id is not None}
        first = sorted(media_id for media_id in ids if _is_unused(self._uploads[media_id]))
        return [*calls, Call(_SENT, {"ids": first})] if first else calls


def measured(upload: Row[Any]) -> dict[str, int | float]:
    """Returns what the server knows of an upload, as `extra` tells it. What it could not measure is left out."""
    known = {name: getattr(upload, name) for name in _MEASURED[upload.kind]}
    if "duration" in known:
        known["duration"] /= 1_000  # seconds
    return {name: value for name, value in known.items() if value or name == "size"}


def _is_unused(upload: Row[Any]) -> bool:
    return not upload.sent or upload.unused_since is not None


def _use(draft: Draft, seq: int) -> dict[str, Any]:
    low, high = participants(draft.conversation_id) or (0, 0)
    return {"media": draft.media_id, "name": draft.conversation_id, "place": seq, "low": low, "high": high}


def removing(now: datetime, message: Row[Any]) -> list[Call]:
    """Returns the calls by which a withdrawn message no longer carries its upload: none, when it carries none.

    The caller has locked the message. From then on an upload that no other message carries can be read by nobody. The
    upload is locked first: an UPDATE may have looked for other messages before it has waited for its own lock.
    """
    media_id = media_of(message)
    if media_id is None:
        return []
    return [
        _locking([media_id]),
        Call(_DROP, {"media": media_id, "message": message.id}),
        Call(_UNUSED, {"ids": [media_id], "moment": now}),
    ]
