"""Events of groups: a change of the group, told as a system message, and how far a member has read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from db.outbox import Kind
from messaging.events.event import Announcement, Event, GroupAnnouncement, HiddenPairs, Told
from messaging.message import wire
from messaging.replies import Originals


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChanged(Event):
    """The group has changed, which its message `message_id` says. `came` and `went` are the ids of users."""

    KIND = Kind.GROUP_CHANGED
    DETAIL = ("came", "went")

    came: tuple[int, ...] = ()
    went: tuple[int, ...] = ()

    def tell(
        self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs, answered: Originals
    ) -> Sequence[Told]:
        """Returns the announcement of the system message. Raises LookupError when the message is gone."""
        if message is None:
            raise LookupError(f"message {self.message_id} is gone")
        return [GroupAnnouncement("new_message", wire(message), message=True, came=self.came, went=self.went)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRead(Event):
    """A member has read all up to `read_seq`, on the connection `origin`.

    `authors` are those of the messages newly read who are told; none in a large group.
    """

    KIND = Kind.GROUP_READ
    DETAIL = ("read_seq", "origin", "authors")

    read_seq: int
    origin: str | None = None
    authors: tuple[int, ...] = ()

    def concerns(self, members: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the reader and the authors."""
        return (self.user_id, *self.authors)

    def tell(
        self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs, answered: Originals
    ) -> Sequence[Told]:
        """Returns a `read_receipt` for the reader's other connections, and one for those of the authors still there."""
        content = {
            "conversation_id": self.conversation_id,
            "user_id": self.user_id,
            "read_seq": self.read_seq,
            "message_id": None,
            "change_seq": 0,
        }
        to_reader = Announcement((self.user_id,), "read_receipt", content, origin=self.origin)
        to_authors = GroupAnnouncement("read_receipt", content, only=self.authors, seq=self.read_seq)
        return [to_reader, to_authors] if self.authors else [to_reader]
