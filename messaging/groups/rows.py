"""The rows of users' groups, each read together with the group's head: how far the users and the groups have got.

A row and its head come from one statement, so that they are of one moment: who is in a group as its head says when
that last changed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, case, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from db.head import Head
from db.message import Message
from messaging.conversation_id import ConversationType
from messaging.errors import Code, Refused
from messaging.members import Range

RowKey = tuple[str, int]  # conversation_id, user_id


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A user's row of a group that they are in, or were in until the message `upto_seq`, and what its head says.

    `last_message_id` is the newest message that was in the group while they were. `change_seq` is the last change that
    they are told of: who has left learns of none but their own.
    """

    user_id: int
    conversation_id: str
    is_top: bool
    is_mute: bool
    first_seq: int
    upto_seq: int | None
    read_seq: int
    delivered_seq: int
    hidden_seq: int
    base: int
    update_time: datetime
    last_seq: int
    counted: int
    members_seq: int
    change_seq: int
    last_message_id: int | None

    @property
    def key(self) -> RowKey:
        """Returns the conversation's and the user's id."""
        return self.conversation_id, self.user_id

    @property
    def is_member(self) -> bool:
        """Returns whether the user is in the group."""
        return self.upto_seq is None

    @property
    def unread_count(self) -> int:
        """Returns how many messages are unread: GroupView.unread_count."""
        return self.counted - self.base if self.upto_seq is None else self.base

    @property
    def end_seq(self) -> int:
        """Returns the seq of the last message that the user may see."""
        return self.last_seq if self.upto_seq is None else self.upto_seq

    @property
    def seen(self) -> Range:
        """Returns which messages the user may see."""
        return Range(self.first_seq, self.end_seq)

    @property
    def received_seq(self) -> int:
        """Returns the seq up to which no message waits for a device of theirs: what was before them never does."""
        return max(self.delivered_seq, self.first_seq - 1)

    @property
    def waits(self) -> bool:
        """Returns whether a message waits for a device of theirs."""
        return self.end_seq > self.received_seq

    @property
    def is_hidden(self) -> bool:
        """Returns whether the user has hidden the group from their list, and nothing has come since."""
        return self.hidden_seq >= self.end_seq

    @property
    def place(self) -> tuple[bool, int]:
        """Returns where the group stands in the user's list: the greatest place comes first."""
        return bool(self.is_top), self.last_message_id or 0


_ROWS, _HEADS, _MESSAGES = table(Conversation), table(Head), table(Message).c
_IS_MEMBER = _ROWS.c.upto_seq.is_(None)
_LAST_OF_FORMER = (
    select(_MESSAGES.id)
    .where(_MESSAGES.conversation_id == _ROWS.c.conversation_id, _MESSAGES.seq == _ROWS.c.upto_seq)
    .correlate(_ROWS)
    .scalar_subquery()
)
# Built once: putting a statement together costs as much as running it.
_READ = (
    select(
        *(_ROWS.c[name] for name in ("user_id", "conversation_id", "is_top", "is_mute", "first_seq", "upto_seq")),
        *(_ROWS.c[name] for name in ("read_seq", "delivered_seq", "hidden_seq", "base", "update_time")),
        *(_HEADS.c[name] for name in ("last_seq", "counted", "members_seq")),
        case((_IS_MEMBER, _HEADS.c.change_seq), else_=_ROWS.c.change_seq).label("change_seq"),
        case((_IS_MEMBER, _HEADS.c.last_message_id), else_=_LAST_OF_FORMER).label("last_message_id"),
    )
    .join_from(_ROWS, _HEADS, _HEADS.c.conversation_id == _ROWS.c.conversation_id)
    .where(_ROWS.c.conversation_type == ConversationType.GROUP)
)
_ONE = _READ.where(_ROWS.c.user_id == bindparam("user"), _ROWS.c.conversation_id == bindparam("conversation_id"))
_OF_USERS = _READ.where(_ROWS.c.user_id.in_(bindparam("users", expanding=True)))
for _dialect in ("mysql", "mariadb"):  # which might otherwise go through all pairs of the users as well
    _OF_USERS = _OF_USERS.with_hint(_ROWS, "FORCE INDEX (idx_im_conversation_list)", _dialect)


def reading(user_ids: Collection[int]) -> Call:
    """Returns the call whose rows `by_user` takes, for a flight with others."""
    return Call(_OF_USERS, {"users": sorted(set(user_ids))})


def by_user(user_ids: Collection[int], found: Rows) -> dict[int, list[GroupRow]]:
    """Returns the rows that the call of `reading` brought, of each of these users, in the order of conversation ids."""
    rows: dict[int, list[GroupRow]] = {user_id: [] for user_id in user_ids}
    for row in sorted(map(lambda each: GroupRow(*each), found), key=lambda each: each.conversation_id):
        rows[row.user_id].append(row)
    return rows


def group_rows(session: Session, user_ids: Collection[int]) -> dict[int, list[GroupRow]]:
    """Returns the rows of all groups that each of these users is or was in, in the order of conversation ids."""
    if not user_ids:
        return {}
    (found,) = fly(session, reading(user_ids))
    return by_user(user_ids, found)


def require_row(session: Session, *, conversation_id: str, user_id: int) -> GroupRow:
    """Returns a user's row of a group. Raises Refused(NO_SUCH_CONVERSATION) when they are and were not in it."""
    (found,) = fly(session, Call(_ONE, {"user": user_id, "conversation_id": conversation_id}))
    if not found:
        raise Refused(Code.NO_SUCH_CONVERSATION)
    return GroupRow(*found[0])
