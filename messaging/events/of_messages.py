"""Events about one message: it was sent, recalled, deleted for everyone, or hidden by one user."""

from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Row

from db.outbox import Kind
from messaging.events.event import Announcement, Event, HiddenPairs
from messaging.message import wire


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfMessage(Event):
    """An event that announces its message as it now stands: a text recalled since is never published."""

    FRAME: ClassVar[str]
    IN_TURN: ClassVar[bool] = False

    def tell(self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs) -> list[Announcement]:
        if message is None:
            raise LookupError(f"message {self.message_id} is gone")
        users = self.concerns(members)
        blind = tuple(user for user in users if (user, message.id) in hidden)
        seeing = tuple(user for user in users if user not in blind)
        views = ((seeing, wire(message)), (blind, wire(message, hidden=True)))
        return [Announcement(some, self.FRAME, content, message=self.IN_TURN) for some, content in views if some]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(_OfMessage):
    """A message was stored."""

    KIND = Kind.SENT
    FRAME = "new_message"
    IN_TURN = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecalled(_OfMessage):
    """A message was recalled by its sender."""

    KIND = Kind.RECALLED
    FRAME = "message_recalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted(_OfMessage):
    """A member deleted a message for everyone."""

    KIND = Kind.DELETED
    FRAME = "message_deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageHidden(_OfMessage):
    """A member deleted a message for themselves alone."""

    KIND = Kind.HIDDEN
    FRAME = "message_deleted"

    def concerns(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the user who has hidden the message, alone."""
        return (self.user_id,)
