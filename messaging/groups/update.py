"""Changing what a group is called and says of itself, its flags, and what a member is called in it."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from messaging.errors import Code, Refused
from messaging.groups import given
from messaging.groups.change import Done, hold, set_group, tell
from messaging.groups.info import Members, member
from messaging.groups.membership import set_members
from messaging.groups.permissions import Action, require
from messaging.groups.wire import find_group


def update(session: Session, now: datetime, *, actor_id: int, group_id: int, **fields: Any) -> Done:
    """Change those fields of the group that are not None. Answers `group`.

    Raises Refused: INVALID also when nothing changes, GROUP_NAME_TOO_LONG, GROUP_DESCRIPTION_TOO_LONG, and as `require`
    does: of flags by what it says of CONFIGURE.
    """
    values = given.checked(**fields)
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    standing = held.of(actor_id)
    require(session, standing, Action.CONFIGURE if values.keys() & set(given.FLAGS) else Action.DESCRIBE)
    changed = {name: value for name, value in values.items() if value != getattr(standing.group, name)}
    if not changed:
        raise Refused(Code.INVALID, "nothing changes")
    set_group(session, now, group_id, **changed)
    tell(session, now, held, actor_id=actor_id, event="updated", fields=changed)
    return Done({"group": find_group(session, group_id)}, held.head.shard)


def update_member(session: Session, now: datetime, *, actor_id: int, group_id: int, nickname: str) -> Members:
    """Set what the user is called in the group; an empty nickname means their own. Returns them as its one member.

    Raises Refused: INVALID, and as `require` does.
    """
    name = given.nickname_in_group(nickname)
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    require(session, held.of(actor_id), Action.NICKNAME)
    set_members(session, now, group_id, [actor_id], nickname=name)
    return member(session, now, user_id=actor_id, group_id=group_id)
