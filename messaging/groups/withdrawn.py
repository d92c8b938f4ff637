"""Taking a message of a group back, for all or for one member, and keeping the members' unread counts exact.

Whoever does so holds the head, so that no message, member or hidden message comes or goes meanwhile. Readers do not:
whether a member still counts the message is asked again under the lock of their row.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, insert, or_, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.head import Head
from db.hidden import Hidden
from db.message import Message
from messaging import carrying, mentions
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.events import Event, MessageHidden
from messaging.groups import views
from messaging.groups.roles import Role
from messaging.groups.standing import standings
from messaging.hidden import hiding
from messaging.message import by_seq
from messaging.message_type import MessageType
from messaging.status import UNREAD, Status
from messaging.unread import counts_in_group
from messaging.withdrawn import Held, Withdrawn, change

_AT_ONCE = 1_000  # rows of an UPDATE

# Built once: putting a statement together costs as much as running it.
_ROWS = table(Conversation).c
# Found without a lock, and then locked by their keys: an UPDATE by the index of read_seq would lock its entries, and
# a reader who is about to move theirs would stand in a deadlock with it, as would, by ids alone, a batch of proofs.
_UNREAD_BY = views.by_readers(
    select(_ROWS.user_id).where(
        _ROWS.conversation_id == bindparam("conversation_id"),
        _ROWS.read_seq < bindparam("seq"),
        _ROWS.first_seq <= bindparam("seq"),
        or_(_ROWS.upto_seq.is_(None), _ROWS.upto_seq >= bindparam("seq")),
        _ROWS.user_id != bindparam("author"),
    )
)
_DISCOUNT = (
    update(table(Conversation))
    .where(_ROWS.id.in_(bindparam("ids", expanding=True)))
    .values(base=_ROWS.base + case((_ROWS.upto_seq.is_(None), 1), else_=-1))  # GroupView.discount
)
_NEWEST = by_seq(
    select(Message.id).where(
        Message.conversation_id == bindparam("name"),
        Message.seq < bindparam("before"),
        Message.status != Status.DELETED,
    )
).order_by(Message.seq.desc())
_LAST = (
    update(table(Head))
    .where(table(Head).c.conversation_id == bindparam("name"), table(Head).c.last_message_id == bindparam("message"))
    .values(last_message_id=_NEWEST.limit(1).scalar_subquery())
)


def moderates(session: Session, message: Row[Any], user_id: int) -> bool:
    """Returns whether the user may take a message back at any time, as the owner or an admin; else they sent it.

    The head is locked. Raises Refused: ROLE_TOO_LOW for who has left the group, FORBIDDEN for a system message, or for
    a member who did not send it.
    """
    group_id = group_of(message.conversation_id)
    assert group_id is not None  # noqa: S101 - callers ask for groups only
    role = standings(session, [(group_id, user_id)]).of(group_id, user_id).role
    if role is Role.NONE:
        raise Refused(Code.ROLE_TOO_LOW, "you have left the group")
    if message.message_type == MessageType.SYSTEM:
        raise Refused(Code.FORBIDDEN, "what happened in a group is not taken back")
    if role < Role.ADMIN and message.from_user_id != user_id:
        raise Refused(Code.FORBIDDEN, "only its sender, the owner and admins may take a message back")
    return role >= Role.ADMIN


def withdraw_from_group(
    session: Session, now: datetime, held: Held, *, event: type[Event], user_id: int, **values: Any
) -> Withdrawn:
    """Set `values` on the message; take it out of all unread counts, mentions and uses of its upload; add
    the `event`.

    Returns the message as it now stands, and the outbox shard to poke.
    """
    message = held.message
    if message.status in UNREAD and message.message_type != MessageType.SYSTEM:
        fly(session, *_discounting(session, message))
    fly(session, *mentions.removing(message), *carrying.removing(now, message))
    done = change(session, now, held, event=event, user_id=user_id, **values)
    if done.message.status == Status.DELETED:
        asked = {"name": message.conversation_id, "before": message.seq, "message": message.id}
        fly(session, Call(_LAST, asked))
    return done


def _discounting(session: Session, message: Row[Any]) -> Iterator[Call]:
    """Yields the calls that take a message, which now counts, out of the counts of all who have not read it."""
    asked = {"conversation_id": message.conversation_id, "seq": message.seq, "author": message.from_user_id}
    rows, hidden = fly(session, Call(_UNREAD_BY, asked), hiding([message.id]))
    blind = {row.user_id for row in hidden}
    locked = views.lock(session, [(message.conversation_id, row.user_id) for row in rows])
    ids = [row.id for row in locked.values() if counts_in_group(row, message, hidden=row.user_id in blind)]
    for start in range(0, len(ids), _AT_ONCE):
        yield Call(_DISCOUNT, {"ids": ids[start : start + _AT_ONCE]})


def hide_in_group(session: Session, now: datetime, held: Held, *, user_id: int) -> Withdrawn:
    """Hide a message from one user, and take it out of their unread count. Returns as `withdraw_from_group` does."""
    message = held.message
    key = (message.conversation_id, user_id)
    row = views.lock(session, [key])[key]
    if counts_in_group(row, message, hidden=False):
        row.discount(1)
    session.execute(insert(Hidden).values(user_id=user_id, message_id=message.id))
    done = change(session, now, held, event=MessageHidden, user_id=user_id)
    if row.upto_seq is not None:  # of the head's changes, who has left hears of their own alone
        row.change_seq = done.message.change_seq
    fly(session, views.writing(session, now, [row]))
    return done
