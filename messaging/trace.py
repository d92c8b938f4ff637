"""The trace of a message: how far it has come to each of its recipients, by the tables."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.message import Message
from db.outbox import Kind, OutboxEvent
from db.outbox_parked import Parked
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.members import members

MOST_OF_A_GROUP = 20
_TELLING = (Kind.SENT, Kind.GROUP_CHANGED)  # the kinds of events that publish a new message


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace for one recipient. `stored`, `answered` and `read` are UTC times; the last two may be None.

    In a group they always are, and `projected` is true: a message counts as soon as it is stored.
    `parked` says that the message's event could not be published and was parked.
    """

    user_id: int
    conversation_id: str
    seq: int
    stored: datetime
    projected: bool
    published: bool
    parked: bool
    answered: datetime | None
    was_answered: bool
    read: datetime | None
    was_read: bool


def trace(session: Session, _now: datetime, *, message_id: int) -> list[Trace]:
    """Returns the trace of a message for each recipient, by user id. Raises Refused(NO_SUCH_MESSAGE).

    In a group it is for those MOST_OF_A_GROUP who may see the message and have received the least.
    """
    message = session.get(Message, message_id)
    if message is None:
        raise Refused(Code.NO_SUCH_MESSAGE)
    waits, parked = (
        session.scalar(select(model.id).where(model.message_id == message_id, model.kind.in_(_TELLING)).limit(1))
        for model in (OutboxEvent, Parked)
    )
    published = waits is None and parked is None
    by_group = group_of(message.conversation_id) is not None
    rows = _of_group(session, message) if by_group else _of_pair(session, message)
    return [
        _of(message, user, rows[user], counts=by_group, published=published, parked=parked is not None)
        for user in sorted(rows)
    ]


def _of_pair(session: Session, message: Message) -> dict[int, Conversation | None]:
    """Returns the recipient with their row, None when it is still to be made."""
    name = message.conversation_id
    recipients = set(members(session, [name]).get(name, ())) - {message.from_user_id}
    found = select(Conversation).where(Conversation.user_id.in_(recipients), Conversation.conversation_id == name)
    return dict.fromkeys(recipients) | {row.user_id: row for row in session.scalars(found)}


def _of_group(session: Session, message: Message) -> dict[int, Conversation | None]:
    """Returns recipients with their rows, in the order of an index by how much they have received."""
    found = (
        select(Conversation)
        .where(
            Conversation.conversation_id == message.conversation_id,
            Conversation.user_id != message.from_user_id,
            Conversation.first_seq <= message.seq,
            or_(Conversation.upto_seq.is_(None), Conversation.upto_seq >= message.seq),
        )
        .order_by(Conversation.delivered_seq, Conversation.id)
        .limit(MOST_OF_A_GROUP)
    )
    return {row.user_id: row for row in session.scalars(found)}


def _of(
    message: Message, user_id: int, row: Conversation | None, *, counts: bool, published: bool, parked: bool
) -> Trace:
    return Trace(
        user_id=user_id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        stored=message.create_time,
        projected=counts or (row is not None and row.last_seq >= message.seq),
        published=published,
        parked=parked,
        answered=message.delivered_at,
        was_answered=row is not None and row.delivered_seq >= message.seq,
        read=message.read_at,
        was_read=message.read_at is not None or (row is not None and row.read_seq >= message.seq),
    )
