"""Changing what a group is called and says of itself, its flags, and what a member is called in it."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from messaging.errors import Code, Refused
from messaging.groups.change import Done, hold, set_group, tell
from messaging.groups.info import Members, member
from messaging.groups.membership import set_members
from messaging.groups.permissions import Action, require
from messaging.groups.wire import find_group

DESCRIBING = {"name", "avatar", "description", "notice"}


def update(session: Session, now: datetime, *, actor_id: int, group_id: int, **fields: Any) -> Done:
    """Change those fields of the group that are not None. Answers `group`.

    Raises Refused: INVALID when nothing changes, and as `require` does.
    """
    values = {name: value for name, value in fields.items() if value is not None}
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    standing = held.of(actor_id)
    require(session, standing, Action.DESCRIBE if values.keys() <= DESCRIBING else Action.CONFIGURE)
    changed = {name: value for name, value in values.items() if value != getattr(standing.group, name)}
    if not changed:
        raise Refused(Code.INVALID, "nothing changes")
    set_group(session, now, group_id, **changed)
    tell(session, now, held, actor_id=actor_id, event="updated", fields=changed)
    return Done({"group": find_group(session, group_id)}, held.head.shard)


def update_member(session: Session, now: datetime, *, actor_id: int, group_id: int, nickname: str) -> Members:
    """Set what the user is called in the group; an empty nickname means their own. Returns them as its one member.

    Raises Refused as `require` does.
    """
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    require(session, held.of(actor_id), Action.NICKNAME)
    set_members(session, now, group_id, [actor_id], nickname=nickname)
    return member(session, now, user_id=actor_id, group_id=group_id)
