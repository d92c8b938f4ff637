"""Groups written by hand, for tests that are about something else than making them or sending to them."""

from typing import Any

from sqlalchemy import delete, insert, select, update

from db.conversation import Conversation
from db.group import Group
from db.group_member import GroupMember
from db.head import Head
from db.message import Message
from db.session import write
from messaging import outbox
from messaging.conversation_id import ConversationType, group, group_of, shard_of
from messaging.events import Event, GroupChanged, MessageSent
from messaging.groups.roles import Role
from messaging.message import wire

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
        members = [_member(made.id, user, roles.get(user, Role.MEMBER), now) for user in users]
        session.execute(insert(GroupMember), members)
        session.execute(insert(Conversation), [_view(name, user, now) for user in users])
        return int(made.id)

    return write(rule)


def said(conversation_id: str, from_user_id: int, *contents: str) -> list[dict[str, Any]]:
    """Store messages of a group and their events. Returns the Messages."""
    return [
        _stored(conversation_id, from_user_id, MessageSent, content=content, message_type=1) for content in contents
    ]


def changed(
    conversation_id: str, actor_id: int, *, came: tuple[int, ...] = (), went: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Store the system message of users who came or went, who see from it on or up to it. Returns the Message."""
    message = _stored(conversation_id, actor_id, GroupChanged, content="", message_type=0, came=came, went=went)
    seq = message["seq"]
    of_group = Conversation.conversation_id == conversation_id

    def rule(session: Any, now: Any) -> None:
        if came or went:
            session.execute(update(Head).where(Head.conversation_id == conversation_id).values(members_seq=seq))
        counted = session.get_one(Head, conversation_id).counted
        gone = {"upto_seq": seq, "base": counted - Conversation.base}
        session.execute(update(Conversation).where(of_group, Conversation.user_id.in_(went)).values(gone))
        back = update(Conversation).where(of_group, Conversation.user_id.in_(came))
        session.execute(back.values(first_seq=seq, upto_seq=None))
        of_members = (GroupMember.group_id == group_of(conversation_id), GroupMember.user_id.in_((*came, *went)))
        session.execute(delete(GroupMember).where(*of_members))
        members = [_member(group_of(conversation_id), user, Role.MEMBER, now) for user in came]
        session.execute(insert(GroupMember), members) if members else None
        known = set(session.scalars(select(Conversation.user_id).where(of_group)))
        new = [_view(conversation_id, user, now) | {"first_seq": seq} for user in came if user not in known]
        session.execute(insert(Conversation), new) if new else None

    write(rule)
    return message


def _stored(conversation_id: str, from_user_id: int, event: type[Event], **fields: Any) -> dict[str, Any]:
    told = {name: fields.pop(name) for name in event.DETAIL}

    def rule(session: Any, now: Any) -> dict[str, Any]:
        head = session.get(Head, conversation_id, with_for_update=True)
        head.last_seq, head.change_seq = head.last_seq + 1, head.change_seq + 1
        numbers = {"conversation_id": conversation_id, "seq": head.last_seq, "change_seq": head.change_seq}
        message = Message(
            from_user_id=from_user_id, to_user_id=0, status=1, create_time=now, update_time=now, **numbers, **fields
        )
        session.add(message)
        session.flush()
        head.last_message_id = message.id
        head.counted += bool(message.message_type)
        happened = event(conversation_id=conversation_id, change_seq=head.change_seq, message_id=message.id, **told)
        outbox.append(session, now, [(head.shard, happened)])
        return wire(message)

    return write(rule)


def _member(group_id: int | None, user_id: int, role: Role, now: Any) -> dict[str, Any]:
    return {"group_id": group_id, "user_id": user_id, "role": role, "join_time": now, "update_time": now}


def _view(conversation_id: str, user_id: int, now: Any) -> dict[str, Any]:
    return {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "friend_id": 0,
        "conversation_type": ConversationType.GROUP,
        "create_time": now,
        "update_time": now,
    }


def set_head(conversation_id: str, **columns: Any) -> None:
    """Change the head of a group's conversation by hand."""
    where = Head.conversation_id == conversation_id
    write(lambda session, _: session.execute(update(Head).where(where).values(columns)))
