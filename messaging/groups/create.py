"""Creating a group: its creator owns it, and friends of theirs can be in it from the start."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.base import table
from db.group import Group
from infra.settings import settings
from messaging import heads
from messaging.conversation_id import group
from messaging.directory import MayTalk
from messaging.errors import Code, Refused
from messaging.groups.change import Done, Held
from messaging.groups.failed import Failed
from messaging.groups.friends import talking
from messaging.groups.membership import enter
from messaging.groups.most import full, require_room
from messaging.groups.roles import Role
from messaging.groups.standing import Standings
from messaging.groups.wire import find_group
from messaging.users import hold_open

_DEFAULTS = {
    "avatar": "",
    "description": "",
    "notice": "",
    "is_private": False,
    "join_approval": False,
    "allow_invite": True,
    "allow_member_modify": False,
    "mute_all": False,
}


def create(
    session: Session, now: datetime, *, actor_id: int, member_ids: Collection[int], may_talk: MayTalk, **fields: Any
) -> Done:
    """Create a group of its owner and those of `member_ids` who are friends of theirs. Answers `group, failed`.

    `fields` are `name`, and what else differs from the defaults. `failed` names who is no friend (NOT_FRIENDS), who is
    in too many groups (INVALID) and who found no room (GROUP_FULL). Raises Refused: INVALID when the owner is in too
    many groups, UNAUTHENTICATED when their account was just closed.
    """
    values = {name: value for name, value in fields.items() if value is not None}
    others = sorted(set(member_ids) - {actor_id})
    failed = Failed()
    closed = hold_open(session, [actor_id, *others])
    if actor_id in closed:
        raise Refused(Code.UNAUTHENTICATED)
    require_room(session, actor_id)
    friends = talking(session, now, may_talk, actor_id, others) - closed
    friends_in = failed.sift(others, lambda user: None if user in friends else Code.NOT_FRIENDS)
    crowded = full(session, friends_in)
    friends_in = failed.sift(friends_in, lambda user: Code.INVALID if user in crowded else None)
    room = settings().group_max_members - 1
    failed.add(friends_in[room:], Code.GROUP_FULL)
    held = _new(session, now, actor_id, values)
    roles = {actor_id: Role.OWNER} | dict.fromkeys(friends_in[:room], Role.MEMBER)
    enter(session, now, held, actor_id=actor_id, event="created", users=roles, inviter_id=actor_id)
    return Done({"group": find_group(session, held.group_id), "failed": failed.listed}, held.head.shard)


def _new(session: Session, now: datetime, owner_id: int, values: dict[str, Any]) -> Held:
    own = {"owner_id": owner_id, "max_members": settings().group_max_members, "create_time": now, "update_time": now}
    inserted: Any = session.execute(insert(table(Group)).values(_DEFAULTS | values | own))
    group_id = int(inserted.inserted_primary_key[0])
    head = heads.lock(session, [group(group_id)])[group(group_id)]
    return Held(group_id, head, Standings([], []), 0, head.last_seq, head.change_seq)
