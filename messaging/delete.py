"""Deleting a message, which any member may do: for everyone, or for themselves alone."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.hidden import Hidden
from messaging.errors import Code, Refused
from messaging.events import MessageDeleted, MessageHidden
from messaging.hidden import is_hidden
from messaging.members import members
from messaging.message import find_message
from messaging.status import Status, may_become
from messaging.withdrawn import Withdrawn, hold, withdraw


def delete_for_everyone(session: Session, now: datetime, *, user_id: int, message_id: int) -> Withdrawn:
    """Turn a message into a tombstone, however old it is. Returns the deleted message.

    Raises Refused: NO_SUCH_MESSAGE, ALREADY_WITHDRAWN when it is deleted already.
    """
    message = find_message(session, user_id=user_id, message_id=message_id)
    held = hold(session, now, message, members(session, [message.conversation_id])[message.conversation_id])
    if not may_become(held.message.status, Status.DELETED):
        raise Refused(Code.ALREADY_WITHDRAWN)
    return withdraw(
        session,
        now,
        held,
        event=MessageDeleted,
        user_id=user_id,
        status=Status.DELETED,
        del_state=1,
        delete_time=now,
    )


def delete_for_oneself(session: Session, now: datetime, *, user_id: int, message_id: int) -> Withdrawn:
    """Hide a message on all devices of this user. A second call changes nothing. Raises Refused(NO_SUCH_MESSAGE)."""
    message = find_message(session, user_id=user_id, message_id=message_id)
    held = hold(session, now, message, [user_id])
    if is_hidden(session, user_id=user_id, message_id=message_id):
        return Withdrawn(held.message, None)
    hide = insert(Hidden).values(user_id=user_id, message_id=message_id)
    return withdraw(session, now, held, event=MessageHidden, user_id=user_id, hide=hide)
