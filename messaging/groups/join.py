"""Joining a group that is not private: at once, or when its owner or an admin has approved."""

from datetime import datetime

from sqlalchemy.orm import Session

from messaging.errors import Code, Refused
from messaging.groups.change import Done, hold
from messaging.groups.membership import enter
from messaging.groups.most import require_room
from messaging.groups.permissions import Action, require
from messaging.groups.requests import ask_for
from messaging.groups.roles import Role
from messaging.users import hold_open


def join(session: Session, now: datetime, *, actor_id: int, group_id: int, message: str = "") -> Done:
    """Join the group, or ask to. Answers `joined, request_id`: None when joined, else the request that waits.

    Raises Refused: GROUP_FULL, INVALID when the user is in too many groups, UNAUTHENTICATED when the account was just
    closed, and as `require` does.
    """
    if hold_open(session, [actor_id]):  # before the head: whoever closes an account takes the same order
        raise Refused(Code.UNAUTHENTICATED)
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    standing = held.of(actor_id)
    require(session, standing, Action.JOIN)
    require_room(session, actor_id)
    if standing.group.join_approval:
        asked = ask_for(session, now, group_id=group_id, user_ids=[actor_id], message=message)
        return Done({"joined": False, "request_id": asked[actor_id]})
    if held.member_count >= standing.group.max_members:
        raise Refused(Code.GROUP_FULL)
    enter(session, now, held, actor_id=actor_id, event="member_joined", users={actor_id: Role.MEMBER})
    return Done({"joined": True, "request_id": None}, held.head.shard)
