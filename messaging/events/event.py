"""What all outbox events have in common."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Row

from db.outbox import Kind

HiddenPairs = set[tuple[int, int]]  # user id, id of a message that they have hidden


@dataclass(frozen=True, slots=True)
class Announcement:
    """A frame for every connection of these users, except for the connection `origin`, which knows already.

    `message` is set when the frame carries a message in its turn, so that a relay can prove its delivery.
    """

    user_ids: tuple[int, ...]
    kind: str
    content: dict[str, Any]
    message: bool = False
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a conversation. It holds ids and numbers, never content.

    `change_seq` is the conversation's, given to this change; `message_id` is 0 when it is not about one message;
    `user_id` is who did it, 0 for a message, which says so itself.
    """

    KIND: ClassVar[Kind]
    DETAIL: ClassVar[tuple[str, ...]] = ()  # the fields that a kind adds; they are stored in the column `detail`

    conversation_id: str
    change_seq: int
    message_id: int = 0
    user_id: int = 0

    def concerns(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Returns those of the conversation's members whose view it changes."""
        return members

    def tell(self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs) -> list[Announcement]:
        """Returns what is to be told now, and to whom.

        `message` is the row of `message_id` as it now stands, None when there is none; `hidden` says who has hidden it.
        """
        raise NotImplementedError
