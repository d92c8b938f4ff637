"""Ruling a group: roles, mutes, a new owner, and its end."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.group import GroupStatus
from messaging.errors import Code, Refused
from messaging.groups.change import Done, Held, hold, set_group, tell
from messaging.groups.failed import Failed
from messaging.groups.membership import set_members
from messaging.groups.permissions import Action, refusal_of_target, require
from messaging.groups.roles import Role
from messaging.groups.standing import Standing
from messaging.groups.wire import find_group


def set_role(session: Session, now: datetime, *, actor_id: int, group_id: int, user_id: int, role: int) -> Done:
    """Make a member an admin, or an admin a member, which `role` says. Answers {}.

    Raises Refused: INVALID for one's own role, or one that they have; NOT_A_MEMBER; and as `require` does.
    """
    held, target = _hold_two(session, actor_id, group_id, Action.SET_ROLE, user_id)
    if target.role == role:
        raise Refused(Code.INVALID, fields={"role": ["They have it already."]})
    set_members(session, now, group_id, [user_id], role=Role(role))
    tell(session, now, held, actor_id=actor_id, event="role_changed", user_ids=[user_id], role=int(role))
    return Done({}, held.head.shard)


def mute(
    session: Session, now: datetime, *, actor_id: int, group_id: int, user_ids: Collection[int], seconds: int
) -> Done:
    """Keep members from writing for so many seconds from now; 0 ends it. Answers `muted, failed`.

    `failed` says NOT_A_MEMBER or ROLE_TOO_LOW. Raises Refused as `require` does.
    """
    users = sorted(set(user_ids))
    held = hold(session, group_id=group_id, user_ids={actor_id, *users})
    actor, failed = held.of(actor_id), Failed()
    require(session, actor, Action.MUTE)
    muted = failed.sift(users, lambda user: refusal_of_target(actor, Action.MUTE, held.of(user)))
    answer = Done({"muted": muted, "failed": failed.listed}, held.head.shard if muted else None)
    if muted:
        until = now + timedelta(seconds=seconds) if seconds else None
        set_members(session, now, group_id, muted, mute_end_time=until)
        tell(session, now, held, actor_id=actor_id, event="members_muted", user_ids=muted, seconds=seconds)
    return answer


def transfer(session: Session, now: datetime, *, actor_id: int, group_id: int, user_id: int) -> Done:
    """Make another member the owner; the owner becomes an admin. Answers `group`.

    Raises Refused: INVALID for oneself, NOT_A_MEMBER, and as `require` does.
    """
    held, _ = _hold_two(session, actor_id, group_id, Action.TRANSFER, user_id)
    pass_on(session, now, held, owner_id=actor_id, user_id=user_id)
    return Done({"group": find_group(session, group_id)}, held.head.shard)


def pass_on(session: Session, now: datetime, held: Held, *, owner_id: int, user_id: int) -> None:
    """Make a member the owner in the place of `owner_id`, who becomes an admin, and say so. An owner is not muted."""
    set_members(session, now, held.group_id, [owner_id], role=Role.ADMIN)
    set_members(session, now, held.group_id, [user_id], role=Role.OWNER, mute_end_time=None)
    set_group(session, now, held.group_id, owner_id=user_id)
    tell(session, now, held, actor_id=owner_id, event="owner_changed", user_ids=[user_id])


def dissolve(session: Session, now: datetime, *, actor_id: int, group_id: int) -> Done:
    """End the group: it can be read, and no longer changed. Answers {}. Raises Refused as `require` does."""
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    require(session, held.of(actor_id), Action.DISSOLVE)
    end(session, now, held, actor_id=actor_id)
    return Done({}, held.head.shard)


def end(session: Session, now: datetime, held: Held, *, actor_id: int) -> None:
    """Dissolve a group that is held, and say so."""
    set_group(session, now, held.group_id, status=GroupStatus.DISSOLVED)
    tell(session, now, held, actor_id=actor_id, event="dissolved")


def _hold_two(session: Session, actor_id: int, group_id: int, action: Action, user_id: int) -> tuple[Held, Standing]:
    """Returns the group, locked, and where another user stands, to whom the actor may do this. Raises Refused."""
    held = hold(session, group_id=group_id, user_ids={actor_id, user_id})
    actor, target = held.of(actor_id), held.of(user_id)
    require(session, actor, action)
    if user_id == actor_id:
        raise Refused(Code.INVALID, fields={"user_id": ["Must be another user."]})
    refusal = refusal_of_target(actor, action, target)
    if refusal:
        raise Refused(refusal)
    return held, target
