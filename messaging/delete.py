"""Deleting a message: for everyone, which both of a pair may, or for oneself alone."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.hidden import Hidden
from messaging.conversation_id import group_of, participants
from messaging.errors import Code, Refused
from messaging.events import MessageDeleted, MessageHidden
from messaging.groups.withdrawn import hide_in_group, moderates, withdraw_from_group
from messaging.hidden import is_hidden
from messaging.message import find_message
from messaging.status import Status, may_become
from messaging.withdrawn import Withdrawn, hold, withdraw


def delete_for_everyone(session: Session, now: datetime, *, user_id: int, message_id: int) -> Withdrawn:
    """Turn a message into a tombstone, however old it is. Returns the deleted message.

    In a group its author may, and the owner and admins. Raises Refused: NO_SUCH_MESSAGE, FORBIDDEN for a group's
    system message or one that another member sent, ROLE_TOO_LOW for who has left the group, ALREADY_WITHDRAWN when it
    is deleted already.
    """
    message = find_message(session, user_id=user_id, message_id=message_id)
    in_group = group_of(message.conversation_id) is not None
    held = hold(session, now, message, participants(message.conversation_id) or ())
    if in_group:
        moderates(session, message, user_id)
    if not may_become(held.message.status, Status.DELETED):
        raise Refused(Code.ALREADY_WITHDRAWN)
    take_back = withdraw_from_group if in_group else withdraw
    return take_back(
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
    in_group = group_of(message.conversation_id) is not None
    held = hold(session, now, message, () if in_group else [user_id])
    if is_hidden(session, user_id=user_id, message_id=message_id):
        return Withdrawn(held.message, None)
    if in_group:
        return hide_in_group(session, now, held, user_id=user_id)
    hide = insert(Hidden).values(user_id=user_id, message_id=message_id)
    return withdraw(session, now, held, event=MessageHidden, user_id=user_id, hide=hide)
