"""Looking at a group: what it is, who is in it, and which groups a user is in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group import Group
from db.group_member import GroupMember
from messaging.groups.permissions import Action, require
from messaging.groups.roles import Role
from messaging.groups.standing import standings
from messaging.groups.wire import group_wire, member_wire

# Built once: putting a statement together costs as much as running it.
_GROUPS, _MEMBERS = table(Group).c, table(GroupMember).c
_SHOWN = tuple(_MEMBERS[name] for name in ("group_id", "user_id", "nickname", "role", "mute_end_time", "join_time"))
_IN_GROUP = _MEMBERS.group_id == bindparam("group")
_OF_ROLE = _MEMBERS.role == bindparam("role")
_COUNT = select(func.count()).select_from(table(GroupMember)).where(_IN_GROUP, _OF_ROLE)
_OF_USER = _MEMBERS.user_id == bindparam("user")
_MINE_TOTAL = select(func.count()).select_from(table(GroupMember)).where(_OF_USER)
_MINE_IDS = (
    select(_MEMBERS.group_id)
    .where(_OF_USER)
    .order_by(_MEMBERS.group_id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
    .subquery()
)
_MINE = select(*_GROUPS).join(_MINE_IDS, _MINE_IDS.c.group_id == _GROUPS.id).order_by(_GROUPS.id.desc())


def _page(*where: Any) -> Any:
    """Returns the query of a page of members. The index names them: only they are looked up, and nothing is sorted."""
    newest = (_MEMBERS.role.desc(), _MEMBERS.join_time.desc(), _MEMBERS.user_id.desc())
    users = select(_MEMBERS.user_id).where(*where).order_by(*newest)
    page = users.limit(bindparam("limit")).offset(bindparam("offset")).subquery()
    return select(*_SHOWN).join(page, page.c.user_id == _MEMBERS.user_id).where(_IN_GROUP).order_by(*newest)


_PAGE, _PAGE_OF_ROLE = _page(_IN_GROUP), _page(_IN_GROUP, _OF_ROLE)
_ONE = select(*_SHOWN).where(_IN_GROUP, _OF_USER)


@dataclass(frozen=True, slots=True)
class Members:
    """A page of members, who lack avatars and the nicknames of those without one in the group; how many there are."""

    members: list[dict[str, Any]]
    total: int


def info(session: Session, _now: datetime, *, actor_id: int, group_id: int) -> dict[str, Any]:
    """Returns `group` and `my_role`, which is 0 for who is not in it. Raises Refused as `require` does."""
    standing = standings(session, [(group_id, actor_id)]).of(group_id, actor_id)
    require(session, standing, Action.INFO)
    return {"group": group_wire(standing.group), "my_role": int(standing.role)}


def membership(session: Session, _now: datetime, *, user_id: int, group_id: int) -> Role:
    """Returns the user's role: NONE when they are not in the group, or there is none."""
    (found,) = fly(session, Call(_ONE, {"group": group_id, "user": user_id}))
    return Role(found[0].role) if found else Role.NONE


def member(session: Session, _now: datetime, *, user_id: int, group_id: int) -> Members:
    """Returns the user, who is in the group, as its one member."""
    ((row,),) = fly(session, Call(_ONE, {"group": group_id, "user": user_id}))
    return Members([member_wire(row)], 1)


def members(
    session: Session,
    _now: datetime,
    *,
    actor_id: int | None,
    group_id: int,
    page: int,
    limit: int,
    role: int | None = None,
) -> Members:
    """Returns a page of the members, of one role or of all: owner, admins, members, each the newest first.

    Without an actor another service asks, which may know them all. Raises Refused as `require` does.
    """
    standing = standings(session, [(group_id, actor_id or 0)]).of(group_id, actor_id or 0)
    if actor_id is not None:
        require(session, standing, Action.MEMBERS)
    place: dict[str, Any] = {"group": group_id, "limit": limit, "offset": (page - 1) * limit}
    if role is None:
        (found,) = fly(session, Call(_PAGE, place))
        total = standing.group.member_count
    else:
        place["role"] = role
        found, ((total,),) = fly(session, Call(_PAGE_OF_ROLE, place), Call(_COUNT, {"group": group_id, "role": role}))
    return Members([member_wire(row) for row in found], total)


def mine(session: Session, _now: datetime, *, actor_id: int, page: int, limit: int) -> dict[str, Any]:
    """Returns `groups`, a page of those that the user is in, the newest first, also dissolved ones; and `total`."""
    place = {"user": actor_id, "limit": limit, "offset": (page - 1) * limit}
    found, ((total,),) = fly(session, Call(_MINE, place), Call(_MINE_TOTAL, {"user": actor_id}))
    return {"groups": [group_wire(row) for row in found], "total": total}
