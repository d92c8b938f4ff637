"""The base class of outbox events, and the announcements that they make."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Row

from db.outbox import Kind
from messaging.replies import Originals

HiddenPairs = set[tuple[int, int]]  # user id, id of a message that they have hidden


@dataclass(frozen=True, slots=True)
class Announcement:
    """A frame for every connection of these users except `origin`, the connection that caused the event.

    `message` says that the frame carries a message in the order of its seq, so that a relay can prove its delivery.
    `trace` is the traceparent of the request that caused the event.
    """

    user_ids: tuple[int, ...]
    kind: str
    content: dict[str, Any]
    message: bool = False
    origin: str | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Quoting:
    """What a frame says to those who see the message `seq`, which it quotes, and are not among the `blind`."""

    content: dict[str, Any]
    seq: int
    blind: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupAnnouncement:
    """A frame for all members of a group who may see a message of it, or for `only` these.

    The message is that of `seq`, or `content` itself when that is None. `message` as in Announcement. `came` and `went`
    are the users who come into the group with this message, or who see nothing after it. Those who are `blind` get
    nothing. `quoting` stands for `content` for those who see what is quoted. `trace` as in Announcement.
    """

    kind: str
    content: dict[str, Any]
    message: bool = False
    came: tuple[int, ...] = ()
    went: tuple[int, ...] = ()
    only: tuple[int, ...] = ()
    blind: tuple[int, ...] = ()
    seq: int | None = None
    quoting: Quoting | None = None
    trace: str | None = None


Told = Announcement | GroupAnnouncement


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(ABC):
    """A change of a conversation. An event holds ids and numbers, never content.

    `change_seq` is the number that the conversation gave to the change; `message_id` is 0 when it is not about one
    message; `user_id` is the user who made it, and 0 for a new message, whose row names its sender.
    """

    KIND: ClassVar[Kind]
    DETAIL: ClassVar[tuple[str, ...]] = ()  # the fields that a kind adds; they are stored in the column `detail`

    conversation_id: str
    change_seq: int
    message_id: int = 0
    user_id: int = 0

    def concerns(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Returns those of a pair's members whose view the event changes."""
        return members

    @abstractmethod
    def tell(
        self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs, answered: Originals
    ) -> Sequence[Told]:
        """Returns the announcements to publish now. `members` are those of a pair; none for a group.

        `message` is the row of `message_id` as it now stands, None when there is none; `hidden` holds (user id, message
        id) for each user who has hidden it; `answered` has its original, if it is a reply. Raises LookupError when the
        event needs a message that is gone.
        """
