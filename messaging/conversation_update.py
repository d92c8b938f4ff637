"""A user's own settings of a conversation: on top, muted, or hidden from the list until the next message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from messaging import changes, heads
from messaging import rows as pair_rows
from messaging.conversation_id import group_of
from messaging.conversations import PAIR, views
from messaging.errors import Code, Refused
from messaging.events import ViewChanged
from messaging.groups.rows import GroupRow, require_row
from messaging.groups.views import lock
from messaging.members import require_member

_ROWS = table(Conversation).c


@dataclass(frozen=True, slots=True)
class Arranged:
    """The conversation as it now is, and the outbox shard to poke."""

    conversation: dict[str, Any]
    shard: int

    @property
    def views(self) -> list[dict[str, Any]]:
        """Returns the conversation to which a name and an avatar are to be added."""
        return [self.conversation]


def arrange(
    session: Session,
    now: datetime,
    *,
    user_id: int,
    conversation_id: str,
    is_top: bool | None = None,
    is_mute: bool | None = None,
    del_state: bool | None = None,
) -> Arranged:
    """Set those of the three that are not None. Returns the conversation as it now is.

    All connections of the user get a `resync` frame. Raises Refused: NO_SUCH_CONVERSATION, INVALID when all are None,
    ROLE_TOO_LOW for more than hiding a group that the user has left.
    """
    of_group = group_of(conversation_id) is not None
    if of_group:
        require_row(session, conversation_id=conversation_id, user_id=user_id)
    else:
        require_member(session, conversation_id=conversation_id, user_id=user_id)
    values = {name: value for name, value in (("is_top", is_top), ("is_mute", is_mute)) if value is not None}
    if not values and del_state is None:
        raise Refused(Code.INVALID, "give is_top, is_mute or del_state")
    set_values = _set_of_group if of_group else _set_of_pair
    head = heads.lock(session, [conversation_id])[conversation_id]
    changed = set_values(session, now, head, user_id, values, del_state)
    return Arranged(views(session, user_id, [changed])[0], head.shard)


def _set_of_pair(
    session: Session, now: datetime, head: heads.LockedHead, user_id: int, values: dict[str, Any], hide: bool | None
) -> Any:
    name = head.conversation_id
    pair_rows.lock(session, now, [(name, user_id)])
    if hide is not None:
        values |= {"del_state": int(hide), "delete_time": now if hide else None}
    mine = _set(session, now, head, user_id, values)
    return session.execute(select(*PAIR).where(*mine)).one()


def _set_of_group(
    session: Session, now: datetime, head: heads.LockedHead, user_id: int, values: dict[str, Any], hide: bool | None
) -> GroupRow:
    name = head.conversation_id
    row = lock(session, [(name, user_id)])[name, user_id]
    if values and row.upto_seq is not None:
        raise Refused(Code.ROLE_TOO_LOW, "you have left the group")
    if hide is not None:
        newest = head.last_seq if row.upto_seq is None else row.upto_seq
        values |= {"hidden_seq": newest if hide else 0}
    _set(session, now, head, user_id, values)
    return require_row(session, conversation_id=name, user_id=user_id)


def _set(
    session: Session, now: datetime, head: heads.LockedHead, user_id: int, values: dict[str, Any]
) -> tuple[Any, ...]:
    """Change the user's locked row, and record that. Returns the conditions that name the row."""
    mine = (_ROWS.user_id == user_id, _ROWS.conversation_id == head.conversation_id)
    change_seq = changes.record(session, now, head, ViewChanged, user_id=user_id)
    statement = update(table(Conversation)).where(*mine)
    session.execute(statement.values(values | {"change_seq": change_seq, "update_time": now}))
    return mine
