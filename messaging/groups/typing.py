"""Whether a user's typing is told to the members of a group."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.head import Head
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.groups import views
from messaging.groups.roles import Role
from messaging.groups.standing import standings

MOST_MEMBERS = 100  # of a group in which typing is told

_HEADS = table(Head).c
_MEMBERS_SEQ = select(_HEADS.members_seq).where(_HEADS.conversation_id == bindparam("name"))


def told_as_of(session: Session, now: datetime, *, conversation_id: str, user_id: int) -> int | None:
    """Returns the seq of the last message that said who came or went, to whose members typing is told.

    Returns None in a large group, where typing is told to nobody.

    Raises Refused if the user is no member, or may not write now: the codes are those of a send, except that whoever
    never was a member learns nothing of the group.
    """
    group_id = group_of(conversation_id)
    if group_id is None or not views.find(session, conversation_id=conversation_id, user_id=user_id):
        raise Refused(Code.NO_SUCH_CONVERSATION)
    standing = standings(session, {(group_id, user_id)}).of(group_id, user_id)
    if standing.role is Role.NONE:
        raise Refused(Code.ROLE_TOO_LOW)
    if standing.dissolved:
        raise Refused(Code.GROUP_DISSOLVED)
    if standing.muted(now):
        raise Refused(Code.MUTED)
    if standing.group.member_count > MOST_MEMBERS:
        return None
    ((head,),) = fly(session, Call(_MEMBERS_SEQ, {"name": conversation_id}))
    return int(head.members_seq)
