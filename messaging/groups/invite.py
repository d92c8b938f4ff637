"""Inviting friends into a group: they are in it at once, or wait for its owner or an admin."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from messaging.directory import MayTalk
from messaging.errors import Code
from messaging.groups.change import Done, Held, hold
from messaging.groups.failed import Failed
from messaging.groups.friends import talking
from messaging.groups.membership import enter
from messaging.groups.most import full
from messaging.groups.permissions import Action, require
from messaging.groups.requests import ask_for
from messaging.groups.roles import Role
from messaging.groups.standing import Standing
from messaging.users import hold_open


def invite(
    session: Session, now: datetime, *, actor_id: int, group_id: int, user_ids: Collection[int], may_talk: MayTalk
) -> Done:
    """Bring friends into the group. Answers `added, pending, failed`.

    `failed` says ALREADY_A_MEMBER, NOT_FRIENDS, INVALID for who is in too many groups, or GROUP_FULL. Raises Refused as
    `require` does.
    """
    users = sorted(set(user_ids))
    closed = hold_open(session, users)  # before the head: whoever closes an account takes the same order
    crowded = full(session, users)
    held = hold(session, group_id=group_id, user_ids={actor_id, *users})
    actor = held.of(actor_id)
    require(session, actor, Action.INVITE)
    failed = Failed()
    strangers = failed.sift(users, lambda user: Code.ALREADY_A_MEMBER if held.of(user).role else None)
    friends = talking(session, now, may_talk, actor_id, strangers) - closed
    befriended = failed.sift(strangers, lambda user: None if user in friends else Code.NOT_FRIENDS)
    invited = failed.sift(befriended, lambda user: Code.INVALID if user in crowded else None)
    if actor.role is Role.MEMBER and actor.group.join_approval:
        ask_for(session, now, group_id=group_id, user_ids=invited, inviter_id=actor_id)
        return Done({"added": [], "pending": invited, "failed": failed.listed})
    added = _add(session, now, held, actor, invited, failed)
    return Done({"added": added, "pending": [], "failed": failed.listed}, held.head.shard if added else None)


def _add(session: Session, now: datetime, held: Held, actor: Standing, invited: list[int], failed: Failed) -> list[int]:
    room = max(actor.group.max_members - held.member_count, 0)
    failed.add(invited[room:], Code.GROUP_FULL)
    added = invited[:room]
    if added:
        roles = dict.fromkeys(added, Role.MEMBER)
        who = actor.user_id
        enter(session, now, held, actor_id=who, event="members_added", users=roles, inviter_id=who)
    return added
