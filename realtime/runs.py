"""How far each conversation was pushed on one connection, and how far the device has answered for it.

A connection proves only an unbroken run: in a conversation, the messages after seq `base` up to `top`, the last seq
pushed. A message at or below top is a repeat, one above top + 1 shows a loss.

A page of backlog may tell the last seq of a conversation of which it brings nothing, as other devices have answered for
all of it. Then a message above the one after that shows a loss too; one up to it was just about to be published.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from messaging.delivered import Proof


class Place(Enum):
    """How a message continues the run: it is the next, a repeat, or behind a gap."""

    NEXT = auto()
    REPEAT = auto()
    GAP = auto()


@dataclass(slots=True)
class Runs:
    """The runs of one connection of `user_id`."""

    user_id: int
    _base: dict[str, int] = field(default_factory=dict)
    _top: dict[str, int] = field(default_factory=dict)
    _told: dict[str, int] = field(default_factory=dict)  # last seq, by the backlog since it began
    _unasked: dict[str, int] = field(default_factory=dict)  # last seq pushed, without a ping behind it yet
    _asked: dict[str, int] = field(default_factory=dict)  # last seq before the ping whose pong is awaited
    _unprovable: set[str] = field(default_factory=set)
    _unmentioned: set[str] = field(default_factory=set)  # those that the backlog has not mentioned since it began
    _serial: int = 0

    def take(self, conversation_id: str, seq: int, *, own: bool) -> Place:
        """Record a message. Returns its place: push it only if NEXT. A user's `own` message proves nothing."""
        top = self._top.get(conversation_id)
        if top is not None and seq <= top:
            return Place.REPEAT
        last = self._last(conversation_id)
        if last is not None and seq > last + 1:
            return Place.GAP
        if top is None or seq > top + 1:
            self._base[conversation_id] = seq - 1
        self._unmentioned.discard(conversation_id)
        self._top[conversation_id] = seq
        if not own:
            self._unasked[conversation_id] = seq
        return Place.NEXT

    def take_fast(self, conversation_id: str, seq: int, *, own: bool) -> bool:
        """Record a message that came ahead of its worker's note. Returns whether to push it.

        It has to be the very next where all before it is known to have come. Any other is left to the worker's note: it
        begins no run and shows no loss.
        """
        return seq - 1 == self._last(conversation_id) and self.take(conversation_id, seq, own=own) is Place.NEXT

    def know(self, conversation_id: str, seq: int) -> None:
        """Note that `hello` or a page of backlog names `seq` as a top of the conversation (messaging/tops.py).

        Workers must not have published any later message before the subscription was confirmed: the number is of the
        conversation row, read afterwards, and not of the head, which is ahead of what is published.
        """
        self._told[conversation_id] = seq

    def rerun(self) -> None:
        """Prepare for a backlog that begins anew.

        In conversations that it does not mention, other devices have answered for what is missing here: it never comes,
        and the next message must not count as a loss again and again. What was told before may be outdated likewise.
        """
        self._unmentioned = set(self._top)
        self._told.clear()

    def _last(self, conversation_id: str) -> int | None:
        """Returns the seq up to which all has come, or never will; None if any may be missing."""
        top = self._top.get(conversation_id)
        if top is not None and conversation_id not in self._unmentioned:
            return top
        told = self._told.get(conversation_id)
        return told if told is None or top is None else max(told, top)

    def begin(self, conversation_id: str, after: int, *, whole: bool) -> None:
        """Continue or restart a run, before a page of backlog pushes what follows `after`.

        Unless `whole`, older messages were left out: no pong can prove them, nor anything after them, until the client
        sends `ack`. A page that begins below the run brings messages lost before it: all is pushed, and asked about,
        once more.
        """
        self._unmentioned.discard(conversation_id)
        top = self._top.get(conversation_id)
        if top is not None and self._base[conversation_id] <= after <= top:
            return
        self._forget(conversation_id)
        if not whole:
            self._unprovable.add(conversation_id)
        self._base[conversation_id] = self._top[conversation_id] = after

    def _forget(self, conversation_id: str) -> None:
        self._unasked.pop(conversation_id, None)
        if conversation_id in self._asked:
            self._asked[conversation_id] = 0  # its pong is still to come, and proves nothing of the new run

    def due_ping(self) -> int | None:
        """Returns the serial of a ping to send now; None if one is outstanding, or there is nothing to ask about."""
        if self._asked or not self._unasked:
            return None
        self._asked, self._unasked = self._unasked, {}
        self._serial += 1
        return self._serial

    def pong(self, serial: int) -> list[Proof]:
        """Returns what the pong of the ping `serial` proves."""
        if serial != self._serial or not self._asked:
            return []
        answered, self._asked = self._asked, {}
        return [
            Proof(self.user_id, name, self._base[name], upto)
            for name, upto in answered.items()
            if name not in self._unprovable and upto > self._base[name]
        ]

    def ack(self, conversation_id: str, seq: int) -> Proof | None:
        """Returns what an `ack` proves: all up to `seq`, clamped to what was pushed here; None if nothing was."""
        top = self._top.get(conversation_id)
        if not top:
            return None
        if seq >= self._base[conversation_id]:
            self._unprovable.discard(conversation_id)  # the client has what was left out, so the run is whole again
        return Proof(self.user_id, conversation_id, 0, min(seq, top))

    def top(self, conversation_id: str) -> int:
        """Returns the last seq pushed of a conversation, 0 for none."""
        return self._top.get(conversation_id, 0)

    @property
    def all_answered(self) -> bool:
        """Whether the device has answered for everything pushed so far."""
        return not self._asked and not self._unasked
