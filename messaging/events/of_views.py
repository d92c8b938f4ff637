"""Events about one member's view of a conversation: how far they have read, and how they have arranged it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from db.outbox import Kind
from messaging.events.event import Announcement, Event, HiddenPairs, Told
from messaging.replies import Originals


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRead(Event):
    """A member has read one message (`message_id`), or all up to `read_seq`, on the connection `origin`."""

    KIND = Kind.READ
    DETAIL = ("read_seq", "origin")

    read_seq: int
    origin: str | None = None

    def tell(
        self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs, answered: Originals
    ) -> Sequence[Told]:
        """Returns a `read_receipt` for all members, except on the connection `origin`."""
        content = {
            "conversation_id": self.conversation_id,
            "user_id": self.user_id,
            "read_seq": self.read_seq,
            "message_id": self.message_id or None,
            "change_seq": self.change_seq,
        }
        return [Announcement(self.concerns(members), "read_receipt", content, origin=self.origin)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChanged(Event):
    """A member has set a conversation on top, muted it, or hidden it from their list."""

    KIND = Kind.CHANGED

    def concerns(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the user who changed their settings, alone."""
        return (self.user_id,)

    def tell(
        self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs, answered: Originals
    ) -> Sequence[Told]:
        """Returns a `resync` of the conversation for this user."""
        return [Announcement(self.concerns(members), "resync", {"conversation_id": self.conversation_id})]
