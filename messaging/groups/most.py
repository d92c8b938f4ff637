"""How many groups one user may be in: all of them are read when they connect, and left when their account is closed."""

from collections.abc import Collection

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group_member import GroupMember
from messaging.errors import Code, Refused

MOST_GROUPS = 1_000

# Built once: putting a statement together costs as much as running it.
_MEMBERS = table(GroupMember).c
_FULL = (
    select(_MEMBERS.user_id)
    .where(_MEMBERS.user_id.in_(bindparam("users", expanding=True)))
    .group_by(_MEMBERS.user_id)
    .having(func.count() >= bindparam("most"))
)


def full(session: Session, user_ids: Collection[int]) -> set[int]:
    """Returns those of the users who are in so many groups that they come into no other.

    Counted without a lock: whoever comes into several at once may end up in a few more.
    """
    (found,) = fly(session, Call(_FULL, {"users": sorted(user_ids), "most": MOST_GROUPS})) if user_ids else ([],)
    return {row.user_id for row in found}


def require_room(session: Session, user_id: int) -> None:
    """Raises Refused(INVALID) when the user can come into no other group."""
    if full(session, [user_id]):
        raise Refused(Code.INVALID, f"a user is in {MOST_GROUPS:,} groups at most")
