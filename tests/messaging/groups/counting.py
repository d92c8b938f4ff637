"""A group of four, rules that send to it or change it, and what the contract's definition says is unread there."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.head import Head
from db.hidden import Hidden
from db.message import Message
from db.session import write
from messaging.conversation_id import group
from messaging.directory import may_talk
from messaging.draft import make
from messaging.errors import Refused
from messaging.groups.change import hold, tell
from messaging.groups.membership import enter
from messaging.groups.remove import leave
from messaging.groups.roles import Role
from messaging.send import send
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, read

EVE = 5
Rule = Callable[[Session, datetime], Any]


def four() -> int:
    """Make a group of Alice (its owner), Bob (an admin), Carol and Dave. Returns its id."""
    return groups.made(ALICE, CAROL, DAVE, admins=(BOB,))


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


def say(group_id: int, author: int, **fields: Any) -> Message:
    """Send a message to a group. Returns its row."""
    stored: Message = write(saying(group_id, author, **fields))
    return stored


def change(group_id: int, actor: int) -> Message:
    """Change a group. Returns the row of the system message that says so."""
    stored: Message = write(changing(group_id, actor))
    return stored


def row_of(group_id: int, user: int) -> Conversation:
    """Returns a user's row of a group."""
    keys = {"conversation_id": group(group_id), "user_id": user}
    return read(lambda session: session.scalars(select(Conversation).filter_by(**keys)).one())


def head_of(group_id: int) -> Head:
    """Returns a group's head."""
    return read(lambda session: session.get_one(Head, group(group_id)))


def counts(group_id: int) -> dict[int, int]:
    """Returns the unread count of each who is or was in the group, from the head and their row."""
    return read(lambda session: _counts(session, group(group_id)))


def recounts(group_id: int) -> dict[int, int]:
    """Returns the unread count of each who is or was in the group by the contract's definition, message by message."""
    return read(lambda session: _recounts(session, group(group_id)))


def _counts(session: Session, name: str) -> dict[int, int]:
    counted = session.get_one(Head, name).counted
    return {row.user_id: counted - row.base if row.upto_seq is None else row.base for row in _rows(session, name)}


def _recounts(session: Session, name: str) -> dict[int, int]:
    messages = session.scalars(select(Message).where(Message.conversation_id == name)).all()
    hidden = {(each.user_id, each.message_id) for each in session.scalars(select(Hidden))}
    return {
        row.user_id: sum(
            max(row.read_seq, row.first_seq - 1) < message.seq <= (row.upto_seq or message.seq)
            and message.from_user_id != row.user_id
            and message.message_type != 0
            and message.status == 1
            and (row.user_id, message.id) not in hidden
            for message in messages
        )
        for row in _rows(session, name)
    }


def _rows(session: Session, name: str) -> list[Conversation]:
    return list(session.scalars(select(Conversation).where(Conversation.conversation_id == name)))
