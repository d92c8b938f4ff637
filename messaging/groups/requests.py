"""Requests to join a group: they wait for its owner or an admin. At most one of a user in a group waits."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.group_request import GroupRequest, GroupRequestStatus
from messaging.errors import Code, Refused
from messaging.groups.change import Done, hold
from messaging.groups.membership import enter
from messaging.groups.most import require_room
from messaging.groups.permissions import Action, require
from messaging.groups.roles import Role
from messaging.groups.standing import Standing, standings
from messaging.message import unix
from messaging.users import hold_open

# Built once: putting a statement together costs as much as running it.
_REQUESTS = table(GroupRequest)
_ASK = insert(_REQUESTS)
_PENDING = _REQUESTS.c.status == GroupRequestStatus.PENDING
_WAITING = select(_REQUESTS.c.id, _REQUESTS.c.user_id).where(
    _REQUESTS.c.group_id == bindparam("group"),
    _REQUESTS.c.user_id.in_(bindparam("users", expanding=True)),
    _PENDING,
)
_INBOX = (_REQUESTS.c.group_id == bindparam("group"), _PENDING)
_PAGE = (
    select(_REQUESTS.c.id, _REQUESTS.c.user_id, _REQUESTS.c.message, _REQUESTS.c.create_time)
    .where(*_INBOX)
    .order_by(_REQUESTS.c.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_TOTAL = select(func.count()).select_from(_REQUESTS).where(*_INBOX)
_ONE = select(_REQUESTS.c.group_id, _REQUESTS.c.user_id, _REQUESTS.c.inviter_id, _REQUESTS.c.status).where(
    _REQUESTS.c.id == bindparam("id")
)
_REJECT = (
    update(_REQUESTS)
    .where(_REQUESTS.c.id == bindparam("request"))
    .values(status=GroupRequestStatus.REJECTED, handle_user_id=bindparam("handler"), update_time=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Requests:
    """A page of the requests that wait, each without its `user`, who has `user_id`; and how many there are."""

    requests: list[dict[str, Any]]
    total: int


def ask_for(
    session: Session,
    now: datetime,
    *,
    group_id: int,
    user_ids: Collection[int],
    inviter_id: int = 0,
    message: str = "",
) -> dict[int, int]:
    """Store a request for each of these users, unless one waits. Returns the ids of the requests, by user.

    The caller holds the group. `inviter_id` is who invited them, 0 when they ask themselves.
    """
    waiting = Call(_WAITING, {"group": group_id, "users": sorted(user_ids)})
    (found,) = fly(session, waiting) if user_ids else ([],)
    new = sorted(set(user_ids) - {row.user_id for row in found})
    if new:
        same = {"group_id": group_id, "inviter_id": inviter_id, "message": message, "handle_user_id": 0}
        times = {"status": GroupRequestStatus.PENDING, "create_time": now, "update_time": now}
        _, found = fly(session, Call(_ASK, [same | times | {"user_id": user} for user in new]), waiting)
    return {row.user_id: row.id for row in found}


def requests(session: Session, _now: datetime, *, actor_id: int, group_id: int, page: int, limit: int) -> Requests:
    """Returns a page of the requests that wait, the newest first. Raises Refused as `require` does."""
    require(session, standings(session, [(group_id, actor_id)]).of(group_id, actor_id), Action.REQUESTS)
    place = {"limit": limit, "offset": (page - 1) * limit}
    found, ((total,),) = fly(session, Call(_PAGE, {"group": group_id} | place), Call(_TOTAL, {"group": group_id}))
    shown = [
        {
            "request_id": row.id,
            "user_id": row.user_id,
            "message": row.message,
            "create_time": unix(row.create_time),
        }
        for row in found
    ]
    return Requests(shown, total)


def handle(session: Session, now: datetime, *, actor_id: int, request_id: int, action: str) -> Done:
    """Answer a request: `action` is "accept" or "reject". Answers {}.

    Raises Refused: NO_SUCH_REQUEST, REQUEST_HANDLED, GROUP_FULL, INVALID when the user is in too many groups, and as
    `require` does.
    """
    asked = _find(session, request_id)
    # Now, and again under the lock: strangers hold nobody's account and no group.
    _require(session, standings(session, [(asked.group_id, actor_id)]).of(asked.group_id, actor_id))
    closed = hold_open(session, [asked.user_id])  # before the head: whoever closes an account takes the same order
    held = hold(session, group_id=asked.group_id, user_ids={actor_id, asked.user_id})
    actor = held.of(actor_id)
    _require(session, actor)
    if closed or _find(session, request_id).status != GroupRequestStatus.PENDING:
        raise Refused(Code.REQUEST_HANDLED)
    if action == "reject":
        fly(session, Call(_REJECT, {"request": request_id, "handler": actor_id, "now": now}))
        return Done({})
    if held.member_count >= actor.group.max_members:
        raise Refused(Code.GROUP_FULL)
    require_room(session, asked.user_id)
    users = {asked.user_id: Role.MEMBER}
    inviter_id = asked.inviter_id
    enter(session, now, held, actor_id=actor_id, event="member_joined", users=users, inviter_id=inviter_id)
    return Done({}, held.head.shard)


def _require(session: Session, actor: Standing) -> None:
    """Raises Refused unless the user may answer requests; a request to a group that they cannot see is none."""
    try:
        require(session, actor, Action.HANDLE)
    except Refused as refused:
        raise Refused(Code.NO_SUCH_REQUEST) if refused.code is Code.NO_SUCH_GROUP else refused from None


def _find(session: Session, request_id: int) -> Any:
    (found,) = fly(session, Call(_ONE, {"id": request_id}))
    if not found:
        raise Refused(Code.NO_SUCH_REQUEST)
    return found[0]
