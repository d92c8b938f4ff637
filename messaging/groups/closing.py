"""What becomes of a user's groups when their account is closed: they leave them all, a few in each transaction.

Sends to a group wait while its head is locked. Nobody brings a closed account into a group, so none is left out.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group_member import GroupMember
from db.group_request import GroupRequest, GroupRequestStatus
from db.revoked_user import RevokedUser
from db.user import User
from messaging import heads
from messaging.conversation_id import group
from messaging.groups.change import Held
from messaging.groups.membership import go
from messaging.groups.roles import Role
from messaging.groups.rule import end, pass_on
from messaging.groups.standing import standings

_AT_ONCE = 20  # groups whose heads are held together: sends to them wait for as long
_LOOKED_AT = 1_000  # users whose logins ended last, as those of a closed account do
_LATELY = timedelta(days=30)
# Built once: putting a statement together costs as much as running it.
_MEMBERS, _REQUESTS = table(GroupMember).c, table(GroupRequest)
_USERS, _ENDED = table(User).c, table(RevokedUser).c
_SOME = (
    select(_MEMBERS.group_id)
    .where(_MEMBERS.user_id == bindparam("user"))
    .order_by(_MEMBERS.group_id)
    .limit(bindparam("limit"))
)
_LATEST = (
    select(_ENDED.user_id)
    .where(_ENDED.update_time > bindparam("since"))
    .order_by(_ENDED.update_time.desc())
    .limit(bindparam("limit"))
)
_STILL_IN = select(_USERS.id).where(
    _USERS.id.in_(bindparam("users", expanding=True)),
    _USERS.delete_time.is_not(None),
    exists().where(_MEMBERS.user_id == _USERS.id),
)
_OLDEST = (
    select(_MEMBERS.user_id)
    .where(_MEMBERS.group_id == bindparam("group"), _MEMBERS.role == bindparam("role"))
    .order_by(_MEMBERS.join_time, _MEMBERS.user_id)
    .limit(1)
)
_WITHDRAW = (
    update(_REQUESTS)
    .where(_REQUESTS.c.user_id == bindparam("user"), _REQUESTS.c.status == GroupRequestStatus.PENDING)
    .values(status=GroupRequestStatus.REJECTED, update_time=bindparam("now"))
)


def withdraw(session: Session, now: datetime, *, user_id: int) -> None:
    """Reject a user's requests to join groups. The caller holds the user's lock."""
    fly(session, Call(_WITHDRAW, {"user": user_id, "now": now}))


def leave_some(session: Session, now: datetime, *, user_id: int) -> list[int]:
    """Take a user, whose account is closed, out of up to 20 groups. Returns the outbox shards to poke.

    There are none when no group is left, or while somebody else takes the user out of them.
    A group that they own goes to its oldest admin, else to its oldest member, else it is dissolved.
    """
    (mine,) = fly(session, Call(_SOME, {"user": user_id, "limit": _AT_ONCE}))
    shards: list[int] = []
    for held in _hold(session, [row.group_id for row in mine], user_id):
        _leave(session, now, held, user_id)
        shards.append(held.head.shard)
    return shards


def still_in_groups(session: Session, now: datetime) -> list[int]:
    """Returns the users whose accounts were closed lately, and who are still in groups: leaving them was cut short."""
    (ended,) = fly(session, Call(_LATEST, {"since": now - _LATELY, "limit": _LOOKED_AT}))
    users = [row.user_id for row in ended]
    (found,) = fly(session, Call(_STILL_IN, {"users": users})) if users else ([],)
    return [row.id for row in found]


def _hold(session: Session, group_ids: Sequence[int], user_id: int) -> list[Held]:
    locked = heads.lock_known(session, [group(group_id) for group_id in group_ids])
    found = standings(session, [(group_id, user_id) for group_id in group_ids])
    members = [each for each in group_ids if found.of(each, user_id).role]
    return [Held.of_head(each, locked[group(each)], found, user_id) for each in members]


def _leave(session: Session, now: datetime, held: Held, user_id: int) -> None:
    standing = held.of(user_id)
    if standing.role is Role.OWNER and not standing.dissolved:
        heir = _heir(session, held.group_id)
        if heir is None:
            end(session, now, held, actor_id=user_id)
        else:
            pass_on(session, now, held, owner_id=user_id, user_id=heir)
    go(session, now, held, actor_id=user_id, event="member_left", user_ids=[user_id])


def _heir(session: Session, group_id: int) -> int | None:
    roles = [{"group": group_id, "role": role} for role in (Role.ADMIN, Role.MEMBER)]
    oldest = fly(session, *(Call(_OLDEST, each) for each in roles))
    return next((int(found[0].user_id) for found in oldest if found), None)
