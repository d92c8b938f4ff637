"""What an audit finds, and how much of a conversation it looks at."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a conversation is counted: `most` messages, from `place` on, between 0 (the oldest) and 1.

    A row with more than `most` messages that are not read keeps its unread count unchecked. Of a group, the rows of
    `members` members are checked, from `place` on, and so are the uploads of `carrying` messages. All else is always
    checked.
    """

    most: int
    place: float
    members: int = 2**53
    carrying: int = 2**53

    def of(self, dense: int) -> tuple[int, int]:
        """Returns the seq before the first that is counted, and the last one, in a conversation of `dense` seqs."""
        after = int(max(0, dense - self.most) * self.place)
        return after, min(dense, after + self.most)

    def rows_of(self, total: int) -> tuple[int, int]:
        """Returns how many rows are left out before the first that is checked, and how many are checked."""
        return int(max(0, total - self.members) * self.place), min(total, self.members)


WHOLE = Part(most=2**53, place=0)


@dataclass(frozen=True, slots=True)
class Drift:
    """A stored value that differs from the right one. `user_id` is 0 for the conversation as a whole."""

    conversation_id: str
    user_id: int
    what: str
    stored: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Audited:
    """The drift found in one conversation, and the outbox shard to poke: None when nothing has drifted."""

    drift: list[Drift]
    shard: int | None
