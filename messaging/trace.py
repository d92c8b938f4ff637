"""The trace of a message: how far it has come to each of its recipients, by the tables."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.conversation import Conversation
from db.message import Message
from db.outbox import Kind, OutboxEvent
from db.outbox_parked import Parked
from messaging.errors import Code, Refused
from messaging.members import members


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace for one recipient. `stored`, `answered` and `read` are UTC times; the last two may be None.

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
    """Returns the trace of a message for each recipient, by user id. Raises Refused(NO_SUCH_MESSAGE)."""
    message = session.get(Message, message_id)
    if message is None:
        raise Refused(Code.NO_SUCH_MESSAGE)
    waits, parked = (
        session.scalar(select(model.id).where(model.message_id == message_id, model.kind == Kind.SENT).limit(1))
        for model in (OutboxEvent, Parked)
    )
    published = waits is None and parked is None
    here = members(session, [message.conversation_id]).get(message.conversation_id, ())
    recipients = set(here) - {message.from_user_id}
    return [_of(session, message, user, published=published, parked=parked is not None) for user in sorted(recipients)]


def _of(session: Session, message: Message, user_id: int, *, published: bool, parked: bool) -> Trace:
    row = session.scalars(
        select(Conversation).where(
            Conversation.user_id == user_id, Conversation.conversation_id == message.conversation_id
        )
    ).one_or_none()
    return Trace(
        user_id=user_id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        stored=message.create_time,
        projected=row is not None and row.last_seq >= message.seq,
        published=published,
        parked=parked,
        answered=message.delivered_at,
        was_answered=row is not None and row.delivered_seq >= message.seq,
        read=message.read_at,
        was_read=message.read_at is not None or (row is not None and row.read_seq >= message.seq),
    )
