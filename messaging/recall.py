"""Recalling a message: its sender may within `recall_seconds`, a group's owner and admins always, and only once."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from infra.settings import settings
from messaging.conversation_id import group_of, participants
from messaging.errors import Code, Refused
from messaging.events import MessageRecalled
from messaging.groups.withdrawn import moderates, withdraw_from_group
from messaging.message import find_message
from messaging.message_type import MessageType
from messaging.status import Status, may_become
from messaging.withdrawn import Withdrawn, hold, withdraw


def recall(session: Session, now: datetime, *, user_id: int, message_id: int) -> Withdrawn:
    """Recall a message. Its text is never served again, and stays in the table until retention wipes it.

    Returns the recalled message.

    Raises Refused: NO_SUCH_MESSAGE, FORBIDDEN for a system message or one that another user sent, ROLE_TOO_LOW for
    who has left the group, ALREADY_WITHDRAWN, RECALL_TOO_LATE.
    """
    message = find_message(session, user_id=user_id, message_id=message_id)
    in_group = group_of(message.conversation_id) is not None
    if not in_group and (message.from_user_id != user_id or message.message_type == MessageType.SYSTEM):
        raise Refused(Code.FORBIDDEN, "only its sender may recall a message")
    held = hold(session, now, message, participants(message.conversation_id) or ())
    at_any_time = in_group and moderates(session, message, user_id)
    if not may_become(held.message.status, Status.RECALLED):
        raise Refused(Code.ALREADY_WITHDRAWN)
    if not at_any_time and now - message.create_time > timedelta(seconds=settings().recall_seconds):
        raise Refused(Code.RECALL_TOO_LATE)
    take_back = withdraw_from_group if in_group else withdraw
    return take_back(session, now, held, event=MessageRecalled, user_id=user_id, status=Status.RECALLED)
