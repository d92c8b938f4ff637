"""Groups written by hand, for tests that are about something else than making them or sending to them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.group import Group
from db.group_member import GroupMember
from db.head import Head
from db.message import Message
from db.session import write
from messaging.conversation_id import ConversationType, group, shard_of
from messaging.directory import may_talk
from messaging.draft import make
from messaging.errors import Refused
from messaging.groups.change import hold, tell
from messaging.groups.membership import enter
from messaging.groups.remove import leave
from messaging.groups.roles import Role
from messaging.send import send

SHARDS = 16
Rule = Callable[[Session, datetime], Any]


def made(owner: int, *members: int, admins: tuple[int, ...] = (), **fields: Any) -> int:
    """Make a group of an owner, admins and members, whose first message says so. Returns its id."""
    roles = {owner: Role.OWNER} | dict.fromkeys(admins, Role.ADMIN)
    users = sorted({owner, *admins, *members})

    def rule(session: Any, now: Any) -> int:
        when = {"create_time": now, "update_time": now}
        values = {"name": "group", "notice": "", "owner_id": owner, "max_members": 500, "member_count": len(users)}
        made = Group(**(values | when | fields))
        session.add(made)
        session.flush()
        name = group(made.id)
        message = Message(
            from_user_id=owner,
            to_user_id=0,
            conversation_id=name,
            message_type=0,
            content="",
            seq=1,
            change_seq=1,
            **when,
        )
        session.add(message)
        session.flush()
        session.execute(
            insert(Head),
            {
                "conversation_id": name,
                "shard": shard_of(name, SHARDS),
                "last_seq": 1,
                "change_seq": 1,
                "members_seq": 1,
                "last_message_id": message.id,
            },
        )
        session.execute(
            insert(GroupMember),
            [
                {
                    "group_id": made.id,
                    "user_id": user,
                    "role": roles.get(user, Role.MEMBER),
                    "join_time": now,
                    "update_time": now,
                }
                for user in users
            ],
        )
        session.execute(
            insert(Conversation),
            [
                {
                    "conversation_id": name,
                    "user_id": user,
                    "friend_id": 0,
                    "conversation_type": ConversationType.GROUP,
                    **when,
                }
                for user in users
            ],
        )
        return int(made.id)

    return write(rule)


def set_head(conversation_id: str, **columns: Any) -> None:
    """Change the head of a group's conversation by hand."""
    where = Head.conversation_id == conversation_id
    write(lambda session, _: session.execute(update(Head).where(where).values(columns)))


def saying(group_id: int, author: int, *, mentions: Sequence[Any] = ()) -> Rule:
    """Returns a rule that sends a message to a group, and answers with its row. It raises what the send refuses."""
    sent = make(author, group_id=group_id, content="hello", extra={"mentions": list(mentions)} if mentions else None)

    def rule(session: Session, now: datetime) -> Any:
        (answer,) = send(session, now, [sent], may_talk=may_talk)
        if isinstance(answer, Refused):
            raise answer
        return session.get_one(Message, answer.message["id"])

    return rule


def changing(group_id: int, actor: int) -> Rule:
    """Returns a rule that changes nothing of a group, says so, and answers with the row of the system message."""

    def rule(session: Session, now: datetime) -> Any:
        seq = tell(session, now, hold(session, group_id=group_id, user_ids=[actor]), actor_id=actor, event="updated")
        return session.query(Message).filter_by(conversation_id=group(group_id), seq=seq).one()

    return rule


def joining(group_id: int, user: int) -> Rule:
    """Returns a rule by which a user comes into a group, or back into it, whatever its size."""

    def rule(session: Session, now: datetime) -> None:
        held = hold(session, group_id=group_id, user_ids=[user])
        enter(session, now, held, actor_id=user, event="member_joined", users={user: Role.MEMBER})

    return rule


def leaving(group_id: int, user: int) -> Rule:
    """Returns a rule by which a user leaves a group."""
    return lambda session, now: leave(session, now, actor_id=user, group_id=group_id)
