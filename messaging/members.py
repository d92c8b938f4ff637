"""The members of conversations: the audience of events, and the users who may read."""

from collections.abc import Collection

from sqlalchemy.orm import Session

from messaging.conversation_id import participants
from messaging.errors import Code, Refused


class UnknownConversation(LookupError):
    """An id that names no conversation. It never counts as one without members: its events would be lost."""


class Members(dict[str, tuple[int, ...]]):
    """The ids of members, ascending, by conversation id. Looking up an unknown id raises UnknownConversation."""

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise UnknownConversation(name)


def members(_session: Session, names: Collection[str]) -> Members:
    """Returns the members of these conversations, without the ids that name none."""
    pairs = {name: participants(name) for name in names}
    return Members({name: pair for name, pair in pairs.items() if pair})


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
