"""Groups, as doors call them: friends are asked for, the rule runs, the workers are told, and names are filled in.

Each call takes the user who makes it, `within`, a transaction as `read` or `write` of db.session make one, and the
fields of its body. Each raises Refused, and DatabaseUnavailable also for an outside directory that is away.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from actions import directory
from actions.poke import poke
from db.session import read, write
from messaging.groups import create as creating
from messaging.groups import info as looking
from messaging.groups import invite as inviting
from messaging.groups import join as joining
from messaging.groups import remove as removing
from messaging.groups import requests as asking
from messaging.groups import rule
from messaging.groups import update as updating
from messaging.groups.change import Done
from messaging.groups.info import Members
from messaging.groups.requests import Requests

Answer = dict[str, Any]
Within = Callable[..., Any]


def create(
    actor_id: int,
    *,
    within: Within = write,
    name: str,
    avatar: str | None = None,
    description: str | None = None,
    notice: str | None = None,
    member_ids: Sequence[int] = (),
    **flags: bool | None,
) -> Answer:
    """Create a group of its owner and of friends of theirs. Returns `group, failed`.

    `flags` are `is_private, join_approval, allow_invite, allow_member_modify, mute_all`; None is the default.
    """
    texts = {"name": name, "avatar": avatar, "description": description, "notice": notice}
    talk = _may_talk(actor_id, member_ids)
    return _done(within(creating.create, actor_id=actor_id, member_ids=member_ids, may_talk=talk, **texts, **flags))


def info(actor_id: int, *, within: Within = read, group_id: int) -> Answer:
    """Returns `group, my_role`, which is 0 for who is not in it. Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW."""
    found: Answer = within(looking.info, actor_id=actor_id, group_id=group_id)
    return found


def update(
    actor_id: int,
    *,
    within: Within = write,
    group_id: int,
    name: str | None = None,
    avatar: str | None = None,
    description: str | None = None,
    notice: str | None = None,
    **flags: bool | None,
) -> Answer:
    """Change those fields that are not None. Returns `group`.

    Raises Refused: INVALID when nothing changes, NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED.
    """
    texts = {"name": name, "avatar": avatar, "description": description, "notice": notice}
    return _done(within(updating.update, actor_id=actor_id, group_id=group_id, **texts, **flags))


def invite(actor_id: int, *, within: Within = write, group_id: int, user_ids: Sequence[int]) -> Answer:
    """Bring friends into the group. Returns `added, pending, failed`.

    Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, INVITING_NOT_ALLOWED, GROUP_DISSOLVED.
    """
    talk = _may_talk(actor_id, user_ids)
    return _done(within(inviting.invite, actor_id=actor_id, group_id=group_id, user_ids=user_ids, may_talk=talk))


def join(actor_id: int, *, within: Within = write, group_id: int, message: str = "") -> Answer:
    """Join the group, or ask to. Returns `joined, request_id`, which is None when joined.

    Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, ALREADY_A_MEMBER, GROUP_FULL, GROUP_DISSOLVED.
    """
    return _done(within(joining.join, actor_id=actor_id, group_id=group_id, message=message))


def requests(actor_id: int, *, within: Within = read, group_id: int, page: int = 1, limit: int = 20) -> Answer:
    """Returns `requests`, a page of those that wait, the newest first, and `total`.

    Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW.
    """

    def rule_(session: Session, now: datetime) -> Requests:
        return asking.requests(session, now, actor_id=actor_id, group_id=group_id, page=page, limit=limit)

    found: Requests = directory.completed(within, rule_, _introduce)
    return {"requests": found.requests, "total": found.total}


def handle(actor_id: int, *, within: Within = write, request_id: int, action: str) -> Answer:
    """Answer a request; `action` is "accept" or "reject". Returns {}.

    Raises Refused: NO_SUCH_REQUEST, REQUEST_HANDLED, GROUP_FULL, NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED.
    """
    return _done(within(asking.handle, actor_id=actor_id, request_id=request_id, action=action))


def remove(actor_id: int, *, within: Within = write, group_id: int, user_ids: Sequence[int]) -> Answer:
    """Take members out of the group. Returns `removed, failed`.

    Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED.
    """
    return _done(within(removing.remove, actor_id=actor_id, group_id=group_id, user_ids=user_ids))


def leave(actor_id: int, *, within: Within = write, group_id: int) -> Answer:
    """Leave the group. Returns {}. Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, OWNER_CANNOT_LEAVE."""
    return _done(within(removing.leave, actor_id=actor_id, group_id=group_id))


def set_role(actor_id: int, *, within: Within = write, group_id: int, user_id: int, role: int) -> Answer:
    """Make a member an admin (2), or an admin a member (1). Returns {}.

    Raises Refused: INVALID when nothing changes and for oneself, NOT_A_MEMBER, NO_SUCH_GROUP, ROLE_TOO_LOW,
    GROUP_DISSOLVED.
    """
    return _done(within(rule.set_role, actor_id=actor_id, group_id=group_id, user_id=user_id, role=role))


def mute(actor_id: int, *, within: Within = write, group_id: int, user_ids: Sequence[int], seconds: int) -> Answer:
    """Keep members from writing for so many seconds; 0 ends it. Returns `muted, failed`.

    Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED.
    """
    fields = {"group_id": group_id, "user_ids": user_ids, "seconds": seconds}
    return _done(within(rule.mute, actor_id=actor_id, **fields))


def transfer(actor_id: int, *, within: Within = write, group_id: int, user_id: int) -> Answer:
    """Make another member the owner. Returns `group`.

    Raises Refused: INVALID for oneself, NOT_A_MEMBER, NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED.
    """
    return _done(within(rule.transfer, actor_id=actor_id, group_id=group_id, user_id=user_id))


def dissolve(actor_id: int, *, within: Within = write, group_id: int) -> Answer:
    """End the group. Returns {}. Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED."""
    return _done(within(rule.dissolve, actor_id=actor_id, group_id=group_id))


def update_member(actor_id: int, *, within: Within = write, group_id: int, nickname: str) -> Answer:
    """Set what the user is called in the group; "" means their own nickname. Returns `member`.

    Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW, GROUP_DISSOLVED.
    """

    def rule_(session: Session, now: datetime) -> Members:
        return updating.update_member(session, now, actor_id=actor_id, group_id=group_id, nickname=nickname)

    found: Members = directory.completed(within, rule_, _name_members)
    return {"member": found.members[0]}


def members(
    actor_id: int | None,
    *,
    within: Within = read,
    group_id: int,
    role: int | None = None,
    page: int = 1,
    limit: int = 20,
) -> Answer:
    """Returns `members`, a page of those of this role or of all, the highest role first, and `total`.

    Another service asks without an actor. Raises Refused: NO_SUCH_GROUP, ROLE_TOO_LOW.
    """

    def rule_(session: Session, now: datetime) -> Members:
        place = {"page": page, "limit": limit}
        return looking.members(session, now, actor_id=actor_id, group_id=group_id, role=role, **place)

    found: Members = directory.completed(within, rule_, _name_members)
    return {"members": found.members, "total": found.total}


def mine(actor_id: int, *, within: Within = read, page: int = 1, limit: int = 20) -> Answer:
    """Returns `groups`, a page of those that the user is in, the newest first, and `total`."""
    found: Answer = within(looking.mine, actor_id=actor_id, page=page, limit=limit)
    return found


def check_membership(user_id: int, group_id: int, *, within: Within = read) -> tuple[bool, int]:
    """Returns whether the user is in the group, and their role: 0 when they are not, or there is no such group."""
    role = within(looking.membership, user_id=user_id, group_id=group_id)
    return bool(role), int(role)


def _done(done: Done) -> Answer:
    poke(done.shard)
    return done.answer


def _may_talk(actor_id: int, user_ids: Sequence[int]) -> Any:
    return directory.within(directory.asked({(actor_id, user) for user in user_ids}))


def _introduce(found: Requests, users_of: directory.UsersOf) -> None:
    users = users_of({each["user_id"] for each in found.requests})
    for each in found.requests:
        user_id = each.pop("user_id")
        each["user"] = users.get(user_id, directory.NOBODY | {"id": user_id})


def _name_members(found: Members, users_of: directory.UsersOf) -> None:
    users = users_of({each["user_id"] for each in found.members})
    for each in found.members:
        user = users.get(each["user_id"], directory.NOBODY)
        each["nickname"], each["avatar"] = each["nickname"] or user["nickname"], user["avatar"]
