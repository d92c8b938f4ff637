"""Groups and their members as the contract shows them."""

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group import Group
from messaging.conversation_id import group
from messaging.message import unix

_SAME = (
    *("id", "name", "avatar", "description", "notice", "owner_id", "member_count", "max_members"),
    *("is_private", "join_approval", "allow_invite", "allow_member_modify", "mute_all", "status"),
)
_GROUPS = table(Group)
_ONE = select(_GROUPS).where(_GROUPS.c.id == bindparam("id"))


def find_group(session: Session, group_id: int) -> dict[str, Any]:
    """Returns a group that there is, as the contract shows it."""
    ((row,),) = fly(session, Call(_ONE, {"id": group_id}))
    return group_wire(row)


def group_wire(row: Any) -> dict[str, Any]:
    """Returns the contract's Group of a row of im_group."""
    shown = {name: getattr(row, name) for name in _SAME}
    times = {"create_time": unix(row.create_time), "update_time": unix(row.update_time)}
    return shown | {"conversation_id": group(row.id)} | times


def member_wire(row: Any) -> dict[str, Any]:
    """Returns the contract's Member of a row of im_group_member, with the nickname in the group and without avatar.

    `mute_end_time` is None for who was never muted, and may be over.
    """
    return {
        "user_id": row.user_id,
        "nickname": row.nickname,
        "avatar": "",
        "role": row.role,
        "mute_end_time": unix(row.mute_end_time) if row.mute_end_time else None,
        "join_time": unix(row.join_time),
    }
