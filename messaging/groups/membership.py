"""Coming into a group and going: the rows of its members, and what each of them sees of its conversation.

A member sees the messages from the one that added them to the one that removed them. The row that says so stays when
they go, and is used again when they come back.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.group_member import GroupMember
from db.group_request import GroupRequest, GroupRequestStatus
from messaging.conversation_id import ConversationType
from messaging.groups import views
from messaging.groups.change import Held, set_group, tell
from messaging.groups.roles import Role

# Built once: putting a statement together costs as much as running it.
_MEMBERS, _VIEWS, _REQUESTS = table(GroupMember), table(Conversation), table(GroupRequest)
_ENTER, _SEE = insert(_MEMBERS), insert(_VIEWS)
_GO = delete(_MEMBERS).where(
    _MEMBERS.c.group_id == bindparam("group"), _MEMBERS.c.user_id.in_(bindparam("users", expanding=True))
)
_ANSWER = (
    update(_REQUESTS)
    .where(
        _REQUESTS.c.group_id == bindparam("group"),
        _REQUESTS.c.user_id.in_(bindparam("users", expanding=True)),
        _REQUESTS.c.status == GroupRequestStatus.PENDING,
    )
    .values(status=GroupRequestStatus.ACCEPTED, handle_user_id=bindparam("handler"), update_time=bindparam("now"))
)


def enter(
    session: Session,
    now: datetime,
    held: Held,
    *,
    actor_id: int,
    event: str,
    users: Mapping[int, Role],
    inviter_id: int = 0,
) -> None:
    """Add users, who are not in the group, with their roles, and say so. There must be users.

    Their requests to join, if any, are answered with it.
    """
    name, user_ids = held.conversation_id, sorted(users)
    seen = views.lock(session, [(name, user) for user in user_ids])
    seq = tell(session, now, held, actor_id=actor_id, event=event, user_ids=user_ids, came=user_ids)
    for row in seen.values():
        row.base, row.first_seq, row.upto_seq = held.head.counted, seq, None
    held.member_count += len(user_ids)
    times = {"join_time": now, "update_time": now, "nickname": "", "inviter_id": inviter_id}
    members = [{"group_id": held.group_id, "user_id": user, "role": users[user]} | times for user in user_ids]
    new = [_new_view(name, user, held.head.counted, seq, now) for user in user_ids if (name, user) not in seen]
    answered = {"group": held.group_id, "users": user_ids, "handler": actor_id, "now": now}
    calls = [Call(_ENTER, members), Call(_ANSWER, answered)]
    if new:
        calls.append(Call(_SEE, new))
    if seen:
        calls.append(views.writing(session, now, list(seen.values())))
    fly(session, *calls)
    set_group(session, now, held.group_id, member_count=held.member_count)


def go(session: Session, now: datetime, held: Held, *, actor_id: int, event: str, user_ids: Collection[int]) -> None:
    """Take members out of the group, and say so. There must be some. They see no more than the message that says it."""
    name, users = held.conversation_id, sorted(user_ids)
    seen = views.lock(session, [(name, user) for user in users])
    seq = tell(session, now, held, actor_id=actor_id, event=event, user_ids=users, went=users)
    for row in seen.values():
        row.base, row.upto_seq, row.change_seq = row.unread_count(held.head.counted), seq, held.change_seq
    held.member_count -= len(users)
    gone = Call(_GO, {"group": held.group_id, "users": users})
    fly(session, gone, views.writing(session, now, list(seen.values())))
    set_group(session, now, held.group_id, member_count=held.member_count)


def set_members(session: Session, now: datetime, group_id: int, user_ids: Collection[int], **columns: Any) -> None:
    """Change the rows of members of a group that is held."""
    these = (_MEMBERS.c.group_id == group_id, _MEMBERS.c.user_id.in_(sorted(user_ids)))
    session.execute(update(_MEMBERS).where(*these).values(**columns, update_time=now))


def _new_view(name: str, user_id: int, counted: int, seq: int, now: datetime) -> dict[str, object]:
    return {
        "conversation_id": name,
        "user_id": user_id,
        "friend_id": 0,
        "conversation_type": ConversationType.GROUP,
        "base": counted,
        "first_seq": seq,
        "create_time": now,
        "update_time": now,
    }
