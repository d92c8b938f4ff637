"""What becomes of a user's groups when their account is closed: they leave them all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group_member import GroupMember
from db.group_request import GroupRequest, GroupRequestStatus
from messaging import heads
from messaging.conversation_id import group
from messaging.groups.change import Held
from messaging.groups.membership import go
from messaging.groups.roles import Role
from messaging.groups.rule import end, pass_on
from messaging.groups.standing import standings

_AT_ONCE = 100  # the time in which MariaDB plans a list of pairs grows with the square of its length
# Built once: putting a statement together costs as much as running it.
_MEMBERS, _REQUESTS = table(GroupMember).c, table(GroupRequest)
_MINE = select(_MEMBERS.group_id).where(_MEMBERS.user_id == bindparam("user"))
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


def leave_all(session: Session, now: datetime, *, user_id: int) -> list[int]:
    """Take a user out of all groups, and reject their requests to join others. Returns the outbox shards to poke.

    A group that they own goes to its oldest admin, else to its oldest member, else it is dissolved. The caller holds
    the user's lock, without which nobody brings them into a group.
    """
    (mine,) = fly(session, Call(_MINE, {"user": user_id}))
    shards: list[int] = []
    ids = sorted((row.group_id for row in mine), key=group)  # heads are locked in the order of their names
    for start in range(0, len(ids), _AT_ONCE):
        for held in _hold(session, ids[start : start + _AT_ONCE], user_id):
            _leave(session, now, held, user_id)
            shards.append(held.head.shard)
    fly(session, Call(_WITHDRAW, {"user": user_id, "now": now}))
    return shards


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
