"""Receipts of a group's message: how many members have it and have read it, and who. All are watermarks of members."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Row, bindparam, cast, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.groups.roles import Role
from messaging.groups.standing import standings
from messaging.groups.views import by_readers
from messaging.message import find_message

MOST_OPEN = 500  # members of a group in which everybody may ask

# Built once: putting a statement together costs as much as running it.
_ROWS = table(Conversation).c
_SEEING = (
    _ROWS.conversation_id == bindparam("conversation_id"),
    _ROWS.first_seq <= bindparam("seq"),
    _ROWS.upto_seq.is_(None),
    _ROWS.user_id != bindparam("author"),
)


def _reached(watermark: Any) -> Any:
    return func.coalesce(func.sum(cast(watermark >= bindparam("seq"), Integer)), 0)


_COUNTS = by_readers(select(func.count(), _reached(_ROWS.delivered_seq), _reached(_ROWS.read_seq)).where(*_SEEING))
_READERS = by_readers(
    select(_ROWS.user_id)
    .where(*_SEEING, _ROWS.read_seq >= bindparam("seq"))
    .order_by(_ROWS.user_id)
    .limit(bindparam("limit"))
    .offset(bindparam("skipped"))
)


@dataclass(frozen=True, slots=True)
class Receipts:
    """The numbers of members now who can see a message, its author left out, and a page of its readers."""

    member_count: int
    delivered_count: int
    read_count: int
    readers: list[dict[str, int]]

    @property
    def total(self) -> int:
        """Returns the number of readers on all pages."""
        return self.read_count


def receipts(session: Session, _now: datetime, *, user_id: int, message_id: int, page: int, limit: int) -> Receipts:
    """Returns the receipts of a group's message. `page` counts from 1; readers are in the order of their ids.

    Raises Refused: NO_SUCH_MESSAGE, INVALID for a message of a pair, whose status says it, ROLE_TOO_LOW for who has
    left the group, and in a large one for members who neither sent the message nor are owner or admin.
    """
    message = find_message(session, user_id=user_id, message_id=message_id)
    group_id = group_of(message.conversation_id)
    if group_id is None:
        raise Refused(Code.INVALID, "receipts are of groups: the status of the message says it")
    _require_right(session, group_id, user_id, message)
    asked = {"conversation_id": message.conversation_id, "seq": message.seq, "author": message.from_user_id}
    ((there, delivered, have_read),), readers = fly(
        session, Call(_COUNTS, asked), Call(_READERS, asked | {"limit": limit, "skipped": (page - 1) * limit})
    )
    return Receipts(there, int(delivered), int(have_read), [{"user_id": reader} for (reader,) in readers])


def _require_right(session: Session, group_id: int, user_id: int, message: Row[Any]) -> None:
    standing = standings(session, [(group_id, user_id)]).of(group_id, user_id)
    if standing.role is Role.NONE:
        raise Refused(Code.ROLE_TOO_LOW, "you have left the group")
    if standing.group.member_count > MOST_OPEN and standing.role < Role.ADMIN and message.from_user_id != user_id:
        raise Refused(Code.ROLE_TOO_LOW, "in a large group only the sender, the owner and admins see receipts")
