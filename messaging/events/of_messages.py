"""Events about one message: it was sent, recalled, deleted for everyone, or hidden by one user."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Row

from db.outbox import Kind
from messaging.conversation_id import group_of
from messaging.events.event import Announcement, Event, GroupAnnouncement, HiddenPairs, Quoting, Told
from messaging.message import wire
from messaging.replies import Originals, unseen
from messaging.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfMessage(Event):
    """An event that announces its message as it now stands: a text recalled since is never published."""

    FRAME: ClassVar[str]
    IN_TURN: ClassVar[bool] = False

    def tell(
        self, members: tuple[int, ...], message: Row[Any] | None, hidden: HiddenPairs, answered: Originals
    ) -> Sequence[Told]:
        if message is None:
            raise LookupError(f"message {self.message_id} is gone")
        users = self.concerns(members)
        if not users and group_of(self.conversation_id) is not None:
            return self._tell_group(message, hidden, answered)
        told: list[Announcement] = []
        for content, some in _views(users, message, hidden, answered):
            told.append(Announcement(some, self.FRAME, content, message=self.IN_TURN))
        return told

    def _tell_group(self, message: Row[Any], hidden: HiddenPairs, answered: Originals) -> Sequence[Told]:
        """Returns one announcement for all; of a change, those who have hidden the message get another in its place.

        A new message they get as it is: the event of their hiding it follows. A deleted one is empty for all.
        """
        blind = () if self.IN_TURN or message.status == Status.DELETED else _blind(message, hidden)
        to_all = _to_all(self.FRAME, message, answered, blind, in_turn=self.IN_TURN)
        return [to_all, GroupAnnouncement(self.FRAME, wire(message, hidden=True), only=blind)] if blind else [to_all]


def _blind(message: Row[Any], hidden: HiddenPairs) -> tuple[int, ...]:
    """Returns the users who have hidden a message."""
    return tuple(sorted(user for user, message_id in hidden if message_id == message.id))


def _views(
    users: tuple[int, ...], message: Row[Any], hidden: HiddenPairs, answered: Originals
) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """Yields what some of the users are told of a message, and who they are: first those who have not hidden it."""
    left = [user for user in users if (user, message.id) not in hidden]
    while left:
        reply = answered.reply(message, left[0])
        some = tuple(user for user in left if answered.reply(message, user) == reply)
        yield wire(message, reply=reply), some
        left = [user for user in left if user not in some]
    if blind := tuple(user for user in users if (user, message.id) in hidden):
        yield wire(message, hidden=True), blind


def _to_all(
    kind: str, message: Row[Any], answered: Originals, blind: tuple[int, ...], *, in_turn: bool
) -> GroupAnnouncement:
    """Returns the announcement for a group, by which those who see the original of a reply are told more of it."""
    original = answered.of(message)
    content = wire(message, reply=unseen(original.id) if original else None)
    quote = answered.quote(message)
    quoting = Quoting(content | {"reply": quote.reply}, quote.seq, quote.blind) if quote else None
    return GroupAnnouncement(kind, content, message=in_turn, blind=blind, quoting=quoting)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(_OfMessage):
    """A message was stored."""

    KIND = Kind.SENT
    FRAME = "new_message"
    IN_TURN = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUpdated(_OfMessage):
    """The thumbnail of a message's picture or video was made after the message was sent."""

    KIND = Kind.UPDATED
    FRAME = "message_updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRecalled(_OfMessage):
    """A message was recalled by its sender, or in a group by an admin."""

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
