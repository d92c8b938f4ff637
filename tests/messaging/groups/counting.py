"""A group of four, helpers that send to it, and others that count for each member what the contract's definition says is unread."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.head import Head
from db.hidden import Hidden
from db.message import Message
from db.session import write
from messaging.conversation_id import group
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, read

EVE = 5


def four() -> int:
    """Make a group of Alice (its owner), Bob (an admin), Carol and Dave. Returns its id."""
    return groups.made(ALICE, CAROL, DAVE, admins=(BOB,))


def say(group_id: int, author: int, **fields: Any) -> Message:
    """Send a message to a group. Returns its row."""
    stored: Message = write(groups.saying(group_id, author, **fields))
    return stored


def change(group_id: int, actor: int) -> Message:
    """Change a group. Returns the row of the system message that says so."""
    stored: Message = write(groups.changing(group_id, actor))
    return stored


def row_of(group_id: int, user: int) -> Conversation:
    """Returns a user's row of a group."""
    keys = {"conversation_id": group(group_id), "user_id": user}
    return read(lambda session: session.scalars(select(Conversation).filter_by(**keys)).one())


def head_of(group_id: int) -> Head:
    """Returns a group's head."""
    return read(lambda session: session.get_one(Head, group(group_id)))


def counts(group_id: int) -> dict[int, int]:
    """Returns the unread count of each member, from the head and their row."""
    return read(lambda session: _counts(session, group(group_id)))


def recounts(group_id: int) -> dict[int, int]:
    """Returns the unread count of each member by the contract's definition, message by message."""
    return read(lambda session: _recounts(session, group(group_id)))


def _counts(session: Session, name: str) -> dict[int, int]:
    counted = session.get_one(Head, name).counted
    return {row.user_id: counted - row.base for row in _rows(session, name)}


def _recounts(session: Session, name: str) -> dict[int, int]:
    messages = session.scalars(select(Message).where(Message.conversation_id == name)).all()
    hidden = {(each.user_id, each.message_id) for each in session.scalars(select(Hidden))}
    return {
        row.user_id: sum(
            max(row.read_seq, row.first_seq - 1) < message.seq
            and message.from_user_id != row.user_id
            and message.message_type != 0
            and message.status == 1
            and (row.user_id, message.id) not in hidden
            for message in messages
        )
        for row in _rows(session, name)
    }


def _rows(session: Session, name: str) -> list[Conversation]:
    members = select(Conversation).where(Conversation.conversation_id == name, Conversation.upto_seq.is_(None))
    return list(session.scalars(members))
