"""Retention: messages that are too old become tombstones, and what was taken back long ago loses its text.

Both are off by default. The row of a message stays, so that seqs have no hole and a repeat of its send is told as one.
Messages are walked by their ids, a page at a time: no index is written for this with each send.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import Row, bindparam, func, null, or_, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.message import Message
from messaging.conversation_id import group_of, participants
from messaging.draft import hash_of
from messaging.events import MessageDeleted
from messaging.groups.withdrawn import withdraw_from_group
from messaging.message import set_message
from messaging.message_type import MessageType
from messaging.status import Status, may_become
from messaging.withdrawn import hold, withdraw

# Built once: putting a statement together costs as much as running it.
_MESSAGES = table(Message)
_MESSAGE = _MESSAGES.c
_NEXT = select(_MESSAGE.id).where(_MESSAGE.id > bindparam("after")).order_by(_MESSAGE.id).limit(bindparam("page"))
_PAGE = _NEXT.subquery("page")
_UPTO = select(func.max(_PAGE.c.id), func.count())
_IN_PAGE = (_MESSAGE.id > bindparam("after"), _MESSAGE.id <= bindparam("upto"))
_BEFORE = bindparam("before", type_=_MESSAGE.create_time.type)
# What happened in a group stays: it says who came and went, and holds no text of anybody.
_OLD = (
    select(_MESSAGE.id, _MESSAGE.conversation_id)
    .where(
        *_IN_PAGE,
        _MESSAGE.create_time < _BEFORE,
        _MESSAGE.status != Status.DELETED,
        or_(_MESSAGE.message_type != MessageType.SYSTEM, _MESSAGE.to_user_id != 0),
    )
    .order_by(_MESSAGE.conversation_id, _MESSAGE.id)
)
_HOLDS_TEXT = or_(func.length(_MESSAGE.content) > 0, _MESSAGE.extra.is_not(None))
_TAKEN_BACK = (_MESSAGE.status >= Status.RECALLED, _MESSAGE.update_time < _BEFORE, _HOLDS_TEXT)
_WITHDRAWN = select(_MESSAGE.id).where(*_IN_PAGE, *_TAKEN_BACK).order_by(_MESSAGE.id)
_THESE = _MESSAGE.id.in_(bindparam("ids", expanding=True))
_LOCK = select(*_MESSAGE).where(_THESE, _MESSAGE.status >= Status.RECALLED).order_by(_MESSAGE.id).with_for_update()
_WIPE = update(_MESSAGES).where(_THESE).values(content="", extra=null())

_NONE: Mapping[str, Sequence[Row[Any]]] = {}


@dataclass(frozen=True, slots=True)
class Due:
    """What is due in a page of messages that ends with the id `upto`: it is the last page when that is None.

    `old` are the messages to remove, by conversation; `withdrawn` the ids of those whose text is to be wiped.
    """

    upto: int | None
    old: Mapping[str, Sequence[Row[Any]]]
    withdrawn: Sequence[int]


def due(session: Session, now: datetime, *, after: int, page: int, kept: int, withdrawn_kept: int) -> Due:
    """Returns what is due of the next `page` messages that follow the id `after`.

    `kept` are the seconds for which messages are kept, `withdrawn_kept` those for which the texts of withdrawn ones
    are; 0 keeps all.
    """
    (((upto, count),),) = fly(session, Call(_UPTO, {"after": after, "page": page}))
    if upto is None:
        return Due(None, _NONE, ())
    asked = {"after": after, "upto": upto}
    old = _found(session, _OLD, asked, now, kept)
    withdrawn = _found(session, _WITHDRAWN, asked, now, withdrawn_kept)
    by_conversation = {name: list(rows) for name, rows in groupby(old, lambda row: str(row.conversation_id))}
    return Due(upto if count == page else None, by_conversation, [row.id for row in withdrawn])


def _found(session: Session, statement: Any, asked: dict[str, Any], now: datetime, kept: int) -> Sequence[Row[Any]]:
    """Returns the rows from before the last `kept` seconds; none when that is 0, which keeps all."""
    if not kept:
        return ()
    (found,) = fly(session, Call(statement, asked | {"before": now - timedelta(seconds=kept)}))
    return found


def remove(session: Session, now: datetime, *, messages: Sequence[Row[Any]]) -> int:
    """Turn messages of one conversation into tombstones without a text, as a deletion for everyone does.

    Returns how many: none of those that have been deleted since they were found.
    """
    return sum(_remove(session, now, message) for message in messages)


def _remove(session: Session, now: datetime, message: Row[Any]) -> bool:
    name = message.conversation_id
    held = hold(session, now, message, participants(name) or ())
    if not may_become(held.message.status, Status.DELETED):
        return False
    take_back = withdraw if group_of(name) is None else withdraw_from_group
    gone: dict[str, Any] = {"status": Status.DELETED, "del_state": 1, "delete_time": now}
    wiped: dict[str, Any] = {"content": "", "extra": None, "body_hash": hash_of(held.message)}
    take_back(session, now, held, event=MessageDeleted, user_id=0, **gone, **wiped)
    return True


def wipe(session: Session, _now: datetime, *, ids: Sequence[int]) -> int:
    """Remove the texts of these messages, which were recalled or deleted. Returns of how many. Clients see no change.

    Whoever sends such a message again is still told that it is a repeat: by the hash, which older rows get here.
    """
    (locked,) = fly(session, Call(_LOCK, {"ids": list(ids)}))
    for row in locked:
        if row.body_hash is None:
            set_message(session, row.id, body_hash=hash_of(row))
    if locked:
        fly(session, Call(_WIPE, {"ids": [row.id for row in locked]}))
    return len(locked)
