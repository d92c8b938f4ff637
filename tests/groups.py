"""Groups written by hand, for tests that are about something else than making them or sending to them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.group import Group
from db.group_member import GroupMember
from db.head import Head
from db.mention import Mention
from db.message import Message
from db.session import write
from messaging.conversation_id import ConversationType, group, shard_of
from messaging.groups.roles import Role
from messaging.mentions import mentioned

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


Rule = Callable[[Session, datetime], Any]


def saying(group_id: int, author: int, *, message_type: int = 1, mentions: Sequence[Any] = ()) -> Rule:
    """Returns a rule that stores a message as a send does, under the same locks, and answers with its row."""
    name = group(group_id)

    def rule(session: Session, now: datetime) -> Any:
        head = _locked(session, name)
        own = session.query(Conversation).filter_by(user_id=author, conversation_id=name).with_for_update().one()
        extra = orjson.dumps({"mentions": mentions}).decode() if mentions else None
        stored = _message(session, now, head, author, message_type=message_type, content="hello", extra=extra)
        if message_type:
            head.counted += 1
            own.base += 1
        rows = [
            {"conversation_id": name, "user_id": user, "seq": stored.seq, "from_user_id": author}
            for user in mentioned(extra)
        ]
        if rows:
            session.execute(insert(Mention), rows)
        session.flush()
        return stored

    return rule


def joining(group_id: int, user: int, *, role: Role = Role.MEMBER) -> Rule:
    """Returns a rule by which a user comes into a group, or back into it."""
    name = group(group_id)

    def rule(session: Session, now: datetime) -> None:
        head = _locked(session, name)
        added = _message(session, now, head, user, message_type=0, content="")
        when = {"create_time": now, "update_time": now}
        session.execute(
            insert(GroupMember).values(group_id=group_id, user_id=user, role=role, join_time=now, update_time=now)
        )
        mine = session.query(Conversation).filter_by(user_id=user, conversation_id=name).with_for_update().one_or_none()
        if mine is None:
            mine = Conversation(conversation_id=name, user_id=user, friend_id=0, conversation_type=2, **when)
            session.add(mine)
        mine.base, mine.first_seq, mine.upto_seq = head.counted, added.seq, None
        session.execute(update(Group).where(Group.id == group_id).values(member_count=Group.member_count + 1))
        session.flush()

    return rule


def leaving(group_id: int, user: int) -> Rule:
    """Returns a rule by which a user leaves a group."""
    name = group(group_id)

    def rule(session: Session, now: datetime) -> None:
        head = _locked(session, name)
        removed = _message(session, now, head, user, message_type=0, content="")
        where = (Conversation.user_id == user, Conversation.conversation_id == name)
        session.execute(update(Conversation).where(*where).values(upto_seq=removed.seq, change_seq=head.change_seq))
        session.execute(delete(GroupMember).where(GroupMember.group_id == group_id, GroupMember.user_id == user))
        session.execute(update(Group).where(Group.id == group_id).values(member_count=Group.member_count - 1))
        session.flush()

    return rule


def _locked(session: Session, name: str) -> Head:
    return session.query(Head).filter_by(conversation_id=name).with_for_update().one()


def _message(session: Session, now: datetime, head: Head, author: int, **columns: Any) -> Message:
    head.last_seq += 1
    head.change_seq += 1
    places = {"conversation_id": head.conversation_id, "seq": head.last_seq, "change_seq": head.change_seq}
    when = {"create_time": now, "update_time": now}
    stored = Message(from_user_id=author, to_user_id=0, **places, **when, **columns)
    session.add(stored)
    session.flush()
    head.last_message_id = stored.id
    return stored
