"""The audit of uploads: the rows of `im_media_use` are those of the messages that stand, and uploads know of them.

A message that names an upload carries it only if its sender could use it: before uploads were known, `extra` was not
looked at, so that what it names may be anybody's.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, delete, func, insert, null, select, tuple_, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.media import Media
from db.media_use import MediaUse
from db.message import Message
from messaging import media_rights
from messaging.bodies import media_of
from messaging.conversation_id import participants
from messaging.drift import Drift, Part
from messaging.message import by_seq
from messaging.message_type import MessageType
from messaging.status import Status

Use = tuple[str, int, str, int, int, int]  # a row of im_media_use

_AT_ONCE = 1_000  # messages
_CARRYING = (MessageType.IMAGE, MessageType.VOICE, MessageType.VIDEO, MessageType.FILE)

# Built once: putting a statement together costs as much as running it.
_UPLOADS, _USES = table(Media), table(MediaUse)
_MEDIA, _USE = _UPLOADS.c, _USES.c
_COLUMNS = (Message.id, Message.seq, Message.from_user_id, Message.message_type, Message.extra, Message.status)
_MESSAGES = (
    by_seq(cast(Any, select(*_COLUMNS)))
    .where(
        Message.conversation_id == bindparam("name"),
        Message.seq > bindparam("after"),
        Message.seq <= bindparam("upto"),
        Message.message_type.in_(_CARRYING),
    )
    .order_by(Message.seq)
)
_CARRIED = select(*_USE).where(_USE.message_id.in_(bindparam("ids", expanding=True)))
_THESE = _MEDIA.id.in_(bindparam("ids", expanding=True))
_UPLOADED = select(_MEDIA.id, _MEDIA.user_id, _MEDIA.kind).where(_THESE).order_by(_MEDIA.id)
_LOCK = _UPLOADED.with_for_update()
_HOW_MANY = select(func.count()).where(_USE.media_id == _MEDIA.id).correlate(_UPLOADS).scalar_subquery()
_FLAGS = select(_MEDIA.id, _MEDIA.sent, _MEDIA.unused_since, _HOW_MANY.label("uses")).where(_THESE)
_REMOVE = delete(_USES).where(tuple_(_USE.media_id, _USE.message_id).in_(bindparam("keys", expanding=True)))
_ADD = insert(_USES)
_IN_USE = update(_UPLOADS).where(_THESE).values(sent=True, unused_since=null())
_UNUSED = (
    update(_UPLOADS).where(_THESE).values(sent=True, unused_since=bindparam("moment", type_=_MEDIA.unused_since.type))
)


def carrying_drift(
    session: Session, now: datetime, name: str, newest: int, part: Part, *, repair: bool
) -> Iterator[Drift]:
    """Yields what differs of the uploads that messages of a conversation carry, repaired with `repair`.

    To repair, the caller holds the locks of the head and the rows: uploads are locked after these.
    """
    after, upto = Part(part.carrying, part.place).of(newest)
    for start in range(after, upto, _AT_ONCE):
        asked = {"name": name, "after": start, "upto": min(start + _AT_ONCE, upto)}
        (found,) = fly(session, Call(_MESSAGES, asked))
        named = {each.id: media_id for each in found if (media_id := media_of(each))}
        if named:
            yield from _drift(session, now, name, [each for each in found if each.id in named], named, repair=repair)


def _drift(
    session: Session, now: datetime, name: str, found: Sequence[Any], named: dict[int, str], *, repair: bool
) -> Iterator[Drift]:
    ids = sorted(set(named.values()))
    uploads, rows = fly(
        session, Call(_LOCK if repair else _UPLOADED, {"ids": ids}), Call(_CARRIED, {"ids": sorted(named)})
    )
    stored: set[Use] = {tuple(row) for row in rows}
    kept = {use[:2] for use in stored}
    theirs = {(row.user_id, row.kind, row.id) for row in uploads}
    others = [each for each in found if (named[each.id], each.id) not in kept and not _is_own(each, named, theirs)]
    usable = _readable(session, others, named, {(row.kind, row.id) for row in uploads})
    foreign = {each.id for each in others} - usable
    low, high = participants(name) or (0, 0)
    right: set[Use] = {
        (named[each.id], each.id, name, each.seq, low, high)
        for each in found
        if each.status < Status.RECALLED and each.id not in foreign
    }
    for message_id in sorted({use[1] for use in stored ^ right}):
        yield Drift(name, 0, "media uses", _of(stored, message_id), _of(right, message_id))
    if repair:
        fly(session, *_writing(stored - right, right - stored))
    sent = {named[each.id] for each in found if _is_own(each, named, theirs)}
    yield from _flags(session, now, name, ids, sent, stored, right, repair=repair)


def _is_own(message: Any, named: dict[int, str], theirs: Collection[tuple[int, int, str]]) -> bool:
    return (message.from_user_id, message.message_type, named[message.id]) in theirs


def _readable(
    session: Session, messages: Sequence[Any], named: dict[int, str], uploads: Collection[tuple[int, str]]
) -> set[int]:
    """Returns the ids of those of the messages that stand whose senders can read the uploads that they name."""
    pairs = {
        each.id: (each.from_user_id, named[each.id])
        for each in messages
        if each.status < Status.RECALLED and (each.message_type, named[each.id]) in uploads
    }
    asked = set(pairs.values())
    known = media_rights.told(asked, fly(session, *media_rights.asking(asked))) if asked else {}
    return {message_id for message_id, pair in pairs.items() if pair in known}


def _of(uses: set[Use], message_id: int) -> list[Use]:
    return sorted(use for use in uses if use[1] == message_id)


def _writing(wrong: set[Use], missing: set[Use]) -> list[Call]:
    calls = [Call(_REMOVE, {"keys": sorted(use[:2] for use in wrong)})] if wrong else []
    rows = [dict(zip(_USE.keys(), use, strict=True)) for use in sorted(missing)]
    return [*calls, Call(_ADD, rows)] if rows else calls


def _flags(
    session: Session,
    now: datetime,
    name: str,
    ids: Sequence[str],
    sent: Collection[str],
    stored: set[Use],
    right: set[Use],
    *,
    repair: bool,
) -> Iterator[Drift]:
    (rows,) = fly(session, Call(_FLAGS, {"ids": ids}))
    wrong: dict[bool, list[str]] = {True: [], False: []}
    for row in rows:
        uses = row.uses if repair else row.uses + _number(right - stored, row.id) - _number(stored - right, row.id)
        used = uses > 0
        was_sent = row.sent or row.unused_since is None or used or row.id in sent
        if row.sent != was_sent or (row.unused_since is None) != used:
            wrong[used].append(row.id)
            yield Drift(name, 0, "media", [row.id, row.sent, row.unused_since is None], [row.id, was_sent, used])
    if repair:
        calls = [Call(_IN_USE, {"ids": wrong[True]}), Call(_UNUSED, {"ids": wrong[False], "moment": now})]
        fly(session, *(call for used, call in zip((True, False), calls, strict=True) if wrong[used]))


def _number(uses: set[Use], media_id: str) -> int:
    return sum(use[0] == media_id for use in uses)
