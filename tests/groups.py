"""Groups written by hand, for tests that are about something else than making them."""

from typing import Any

from sqlalchemy import insert, update

from db.conversation import Conversation
from db.group import Group
from db.group_member import GroupMember
from db.head import Head
from db.message import Message
from db.session import write
from messaging.conversation_id import ConversationType, group, shard_of
from messaging.groups.roles import Role

SHARDS = 16


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
