"""Changing a group: its conversation's head is locked, the change is made, and a system message says so.

Invariants: nothing of a group and its members changes without that lock; every change but a nickname and a request
takes a seq, by which all members learn of it in the order of the conversation.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group import Group
from db.head import Head
from db.message import Message
from messaging import heads, outbox
from messaging.conversation_id import group
from messaging.errors import Code, Refused
from messaging.events import GroupChanged
from messaging.groups.standing import Standing, Standings, asking, told
from messaging.message_type import MessageType
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_HEADS, _GROUPS = table(Head), table(Group)
_RAISE = (
    update(_HEADS)
    .where(_HEADS.c.conversation_id == bindparam("name"))
    .values({name: bindparam(f"new_{name}") for name in ("last_seq", "change_seq", "last_message_id", "members_seq")})
)
_RAISE_UNCHANGED = (
    update(_HEADS)
    .where(_HEADS.c.conversation_id == bindparam("name"))
    .values({name: bindparam(f"new_{name}") for name in ("last_seq", "change_seq", "last_message_id")})
)


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a call, and the outbox shard to poke: None when nothing was stored there."""

    answer: dict[str, Any]
    shard: int | None = None


@dataclass(slots=True)
class Held:
    """A group whose head is locked. `last_seq` and `change_seq` rise as changes are told."""

    group_id: int
    head: heads.LockedHead
    standings: Standings
    member_count: int
    last_seq: int
    change_seq: int

    @property
    def conversation_id(self) -> str:
        """Returns the id of the group's conversation."""
        return group(self.group_id)

    @classmethod
    def of_head(cls, group_id: int, head: heads.LockedHead, standings: Standings, user_id: int) -> "Held":
        """Returns the group of a locked head. `user_id` is one of those whose standings are there.

        Raises Refused(NO_SUCH_GROUP).
        """
        count = standings.of(group_id, user_id).group.member_count
        return cls(group_id, head, standings, count, head.last_seq, head.change_seq)

    def of(self, user_id: int) -> Standing:
        """Returns where one of the users stood that were asked for."""
        return self.standings.of(self.group_id, user_id)


def hold(session: Session, *, group_id: int, user_ids: Collection[int]) -> Held:
    """Lock a group. Returns it with the standings of these users, read under the lock. There must be users.

    Raises Refused(NO_SUCH_GROUP).
    """
    pairs = {(group_id, user_id) for user_id in user_ids}
    found, *rows = fly(session, heads.lock_call([group(group_id)]), *asking(pairs))
    if not found:
        raise Refused(Code.NO_SUCH_GROUP)
    return Held.of_head(group_id, found[0], told(rows), min(user_ids))


def tell(
    session: Session,
    now: datetime,
    held: Held,
    *,
    actor_id: int,
    event: str,
    user_ids: Collection[int] = (),
    came: Collection[int] = (),
    went: Collection[int] = (),
    **said: Any,
) -> int:
    """Store the system message of a change, and the event that announces it. Returns the message's seq.

    `user_ids` are whom the change concerns, `came` and `went` those of them who are in the group from this message on,
    or up to it. What else is `said` goes into the message's `extra` as it is.
    """
    held.last_seq, held.change_seq = held.last_seq + 1, held.change_seq + 1
    extra = orjson.dumps({"event": event, "user_ids": sorted(user_ids)} | said).decode()
    message_id = _insert(session, now, held, actor_id, extra)
    values = {
        "name": held.conversation_id,
        "new_last_seq": held.last_seq,
        "new_change_seq": held.change_seq,
        "new_last_message_id": message_id,
    }
    raised = (
        Call(_RAISE, values | {"new_members_seq": held.last_seq}) if came or went else Call(_RAISE_UNCHANGED, values)
    )
    fly(session, raised)
    changed = GroupChanged(
        conversation_id=held.conversation_id,
        change_seq=held.change_seq,
        message_id=message_id,
        user_id=actor_id,
        came=tuple(sorted(came)),
        went=tuple(sorted(went)),
    )
    outbox.append(session, now, [(held.head.shard, changed)])
    return held.last_seq


def set_group(session: Session, now: datetime, group_id: int, **columns: Any) -> None:
    """Change the row of a group that is held."""
    statement = update(_GROUPS).where(_GROUPS.c.id == group_id).values(**columns, update_time=now)
    session.execute(statement)


def _insert(session: Session, now: datetime, held: Held, actor_id: int, extra: str) -> int:
    row = {
        "conversation_id": held.conversation_id,
        "seq": held.last_seq,
        "change_seq": held.change_seq,
        "from_user_id": actor_id,
        "to_user_id": 0,
        "message_type": MessageType.SYSTEM,
        "content": "",
        "extra": extra,
        "status": Status.SENT,
        "create_time": now,
        "update_time": now,
    }
    inserted: Any = session.execute(insert(table(Message)).values(row))
    return int(inserted.inserted_primary_key[0])
