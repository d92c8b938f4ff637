"""The rows of users' groups, each read together with the group's head: how far the users and the groups have got.

A row and its head come from one statement, so that they are of one moment: who is in a group as its head says when
that last changed.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, Rows, fly
from db.head import Head
from messaging.conversation_id import ConversationType


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A user's row of a group that they are in, or were in until the message `upto_seq`, and what its head says."""

    user_id: int
    conversation_id: str
    is_top: bool
    first_seq: int
    upto_seq: int | None
    delivered_seq: int
    hidden_seq: int
    last_seq: int
    last_message_id: int | None
    members_seq: int

    @property
    def is_member(self) -> bool:
        """Returns whether the user is in the group."""
        return self.upto_seq is None

    @property
    def end_seq(self) -> int:
        """Returns the seq of the last message that the user may see."""
        return self.last_seq if self.upto_seq is None else self.upto_seq

    @property
    def received_seq(self) -> int:
        """Returns the seq up to which no message waits for a device of theirs: what was before them never does."""
        return max(self.delivered_seq, self.first_seq - 1)

    @property
    def waits(self) -> bool:
        """Returns whether a message waits for a device of theirs."""
        return self.end_seq > self.received_seq


_ROWS, _HEADS = table(Conversation), table(Head)
# Built once: putting a statement together costs as much as running it.
_OF_USERS = (
    select(
        *(_ROWS.c[name] for name in ("user_id", "conversation_id", "is_top")),
        *(_ROWS.c[name] for name in ("first_seq", "upto_seq", "delivered_seq", "hidden_seq")),
        *(_HEADS.c[name] for name in ("last_seq", "last_message_id", "members_seq")),
    )
    .join_from(_ROWS, _HEADS, _HEADS.c.conversation_id == _ROWS.c.conversation_id)
    .where(_ROWS.c.user_id.in_(bindparam("users", expanding=True)), _ROWS.c.conversation_type == ConversationType.GROUP)
)
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
