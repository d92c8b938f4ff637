"""Where a user stands in a group: all that permissions depend on, read under the lock of its conversation's head."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.group import Group, GroupStatus
from db.group_member import GroupMember
from messaging.errors import Code, Refused
from messaging.groups.roles import Role

GroupAndUser = tuple[int, int]

# Built once: putting a statement together costs as much as running it.
_GROUPS, _MEMBERS = table(Group).c, table(GroupMember).c
_NAMED = _GROUPS.id.in_(bindparam("groups", expanding=True))
WHOLE = select(*_GROUPS).where(_NAMED)
# What decides whether a member may write: a notice of 2,000 characters would be read with every message.
FOR_WRITING = select(_GROUPS.id, _GROUPS.status, _GROUPS.is_private, _GROUPS.mute_all).where(_NAMED)
_OF_MEMBERS = select(_MEMBERS.group_id, _MEMBERS.user_id, _MEMBERS.role, _MEMBERS.mute_end_time).where(
    tuple_(_MEMBERS.group_id, _MEMBERS.user_id).in_(bindparam("pairs", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A row of im_group, or what was read of it, and a user's role in it; `mute_end_time`: None if never muted."""

    group: Any
    user_id: int
    role: Role
    mute_end_time: datetime | None

    @property
    def dissolved(self) -> bool:
        """Returns whether the group can no longer be changed."""
        return bool(self.group.status == GroupStatus.DISSOLVED)

    def muted(self, now: datetime) -> bool:
        """Returns whether the user may not write now."""
        if self.group.mute_all and self.role < Role.ADMIN:
            return True
        return self.mute_end_time is not None and self.mute_end_time > now


class Standings:
    """The standings of users in groups."""

    def __init__(self, groups: Rows, members: Rows) -> None:
        self._groups = {row.id: row for row in groups}
        self._members = {(row.group_id, row.user_id): row for row in members}

    def of(self, group_id: int, user_id: int) -> Standing:
        """Returns where the user stands. Raises Refused(NO_SUCH_GROUP) when there is no such group."""
        group = self._groups.get(group_id)
        if group is None:
            raise Refused(Code.NO_SUCH_GROUP)
        member = self._members.get((group_id, user_id))
        if member is None:
            return Standing(group, user_id, Role.NONE, None)
        return Standing(group, user_id, Role(member.role), member.mute_end_time)


def asking(pairs: Collection[GroupAndUser], groups: Select[Any] = WHOLE) -> list[Call]:
    """Returns the calls whose rows `told` needs, for a flight with others. There must be pairs.

    `groups` says which columns of the groups are read.
    """
    return [
        Call(groups, {"groups": sorted({group_id for group_id, _ in pairs})}),
        Call(_OF_MEMBERS, {"pairs": sorted(pairs)}),
    ]


def told(rows: Sequence[Rows]) -> Standings:
    """Returns the standings, of the rows that the calls of `asking` brought."""
    groups, members = rows
    return Standings(groups, members)


def standings(session: Session, pairs: Collection[GroupAndUser]) -> Standings:
    """Returns the standings of these users in these groups."""
    return told(fly(session, *asking(pairs))) if pairs else Standings([], [])
