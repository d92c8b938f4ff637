"""The members of conversations: the audience of events, and the users who may read, with what each of them may see."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.head import Head
from infra.ids import MAX_ID
from messaging.conversation_id import participants
from messaging.errors import Code, Refused

# Built once: putting a statement together costs as much as running it. Where a member's range ends is read together
# with their membership: a message sent after their removal must not be taken for one of theirs.
_ROWS, _HEADS = table(Conversation).c, table(Head).c
_RANGES = (
    select(_ROWS.conversation_id, _ROWS.first_seq, func.coalesce(_ROWS.upto_seq, _HEADS.last_seq))
    .join_from(table(Conversation), table(Head), _HEADS.conversation_id == _ROWS.conversation_id)
    .where(_ROWS.user_id == bindparam("user_id"), _ROWS.conversation_id.in_(bindparam("names", expanding=True)))
)


class UnknownConversation(LookupError):
    """An id that names no conversation. It never counts as one without members: its events would be lost."""


class Members(dict[str, tuple[int, ...]]):
    """The ids of members, ascending, by conversation id. Looking up an unknown id raises UnknownConversation."""

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise UnknownConversation(name)


class Range(NamedTuple):
    """The seqs of the first and the last message that a user may see. Both are included."""

    first: int
    upto: int

    def holds(self, seq: int) -> bool:
        """Returns whether the user may see the message of this seq."""
        return self.first <= seq <= self.upto


WHOLE = Range(1, MAX_ID)


def members(_session: Session, names: Collection[str]) -> Members:
    """Returns the members of these conversations, without the ids that name none."""
    pairs = {name: participants(name) for name in names}
    return Members({name: pair for name, pair in pairs.items() if pair})


def find_range(session: Session, *, conversation_id: str, user_id: int) -> Range | None:
    """Returns what this user may see of a conversation; None when they are and were no member of it."""
    return find_ranges(session, names=[conversation_id], user_id=user_id).get(conversation_id)


def find_ranges(session: Session, *, names: Collection[str], user_id: int) -> dict[str, Range]:
    """Returns what this user may see of each of these conversations, without those they are and were no member of."""
    pairs = {name: pair for name in names if (pair := participants(name))}
    seen = {name: WHOLE for name, pair in pairs.items() if user_id in pair}
    if others := sorted(set(names) - pairs.keys()):
        (found,) = fly(session, Call(_RANGES, {"user_id": user_id, "names": others}))
        seen |= {name: Range(first, upto) for name, first, upto in found}
    return seen


def require_range(session: Session, *, conversation_id: str, user_id: int) -> Range:
    """Returns what this user may see of a conversation, in a group also when they have left it.

    Raises Refused(NO_SUCH_CONVERSATION) for all others, so that strangers learn nothing of it.
    """
    found = find_range(session, conversation_id=conversation_id, user_id=user_id)
    if found is None:
        raise Refused(Code.NO_SUCH_CONVERSATION)
    return found


def require_member(_session: Session, *, conversation_id: str, user_id: int) -> None:
    """Raises Refused(NO_SUCH_CONVERSATION) unless this user is a member, so that strangers learn nothing of it."""
    if peer(conversation_id, user_id) is None:
        raise Refused(Code.NO_SUCH_CONVERSATION)


def peer(conversation_id: str, user_id: int) -> int | None:
    """Returns the other user of a one-to-one conversation, or None when `user_id` is not one of its two."""
    pair = participants(conversation_id)
    if pair is None or user_id not in pair:
        return None
    return pair[1] if pair[0] == user_id else pair[0]
