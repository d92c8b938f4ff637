"""Recalling a message: its sender may, within `recall_seconds`, and only once."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from infra.settings import settings
from messaging.errors import Code, Refused
from messaging.events import MessageRecalled
from messaging.members import members
from messaging.message import find_message
from messaging.message_type import MessageType
from messaging.status import Status, may_become
from messaging.withdrawn import Withdrawn, hold, withdraw


def recall(session: Session, now: datetime, *, user_id: int, message_id: int) -> Withdrawn:
    """Recall a message. Its text stays in the table and is never served again. Returns the recalled message.

    Raises Refused: NO_SUCH_MESSAGE, FORBIDDEN for a system message or one that another user sent, ALREADY_WITHDRAWN,
    RECALL_TOO_LATE.
    """
    message = find_message(session, user_id=user_id, message_id=message_id)
    if message.from_user_id != user_id or message.message_type == MessageType.SYSTEM:
        raise Refused(Code.FORBIDDEN, "only its sender may recall a message")
    held = hold(session, now, message, members(session, [message.conversation_id])[message.conversation_id])
    if not may_become(held.message.status, Status.RECALLED):
        raise Refused(Code.ALREADY_WITHDRAWN)
    if now - message.create_time > timedelta(seconds=settings().recall_seconds):
        raise Refused(Code.RECALL_TOO_LATE)
    return withdraw(session, now, held, event=MessageRecalled, user_id=user_id, status=Status.RECALLED)
