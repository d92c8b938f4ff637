"""Going from a group: members are removed, or leave."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from messaging.groups.change import Done, hold
from messaging.groups.failed import Failed
from messaging.groups.membership import go
from messaging.groups.permissions import Action, refusal_of_target, require


def remove(session: Session, now: datetime, *, actor_id: int, group_id: int, user_ids: Collection[int]) -> Done:
    """Take members out of the group. Answers `removed, failed`.

    `failed` says NOT_A_MEMBER or ROLE_TOO_LOW. Raises Refused as `require` does.
    """
    users = sorted(set(user_ids))
    held = hold(session, group_id=group_id, user_ids={actor_id, *users})
    actor, failed = held.of(actor_id), Failed()
    require(session, actor, Action.REMOVE)
    removed = failed.sift(users, lambda user: refusal_of_target(actor, Action.REMOVE, held.of(user)))
    if removed:
        go(session, now, held, actor_id=actor_id, event="members_removed", user_ids=removed)
    return Done({"removed": removed, "failed": failed.listed}, held.head.shard if removed else None)


def leave(session: Session, now: datetime, *, actor_id: int, group_id: int) -> Done:
    """Leave the group. Answers {}. Raises Refused as `require` does."""
    held = hold(session, group_id=group_id, user_ids=[actor_id])
    require(session, held.of(actor_id), Action.LEAVE)
    go(session, now, held, actor_id=actor_id, event="member_left", user_ids=[actor_id])
    return Done({}, held.head.shard)
