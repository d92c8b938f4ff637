"""How far each conversation has got on one connection, and what of it the device has answered for.

A connection proves only an unbroken run, from what was delivered before: `base` is where the run of a conversation
begins, `top` the last seq pushed. A frame at or below top is a repeat, one above top + 1 tells of a loss.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from messaging.delivered import Proof


class Place(Enum):
    """Where a message falls."""

    NEXT = auto()
    REPEAT = auto()
    GAP = auto()


@dataclass(slots=True)
class Runs:
    """The runs of one connection of `user_id`."""

    user_id: int
    _base: dict[str, int] = field(default_factory=dict)
    _top: dict[str, int] = field(default_factory=dict)
    _unasked: dict[str, int] = field(default_factory=dict)  # pushed, no ping sent behind it yet
    _asked: dict[str, int] = field(default_factory=dict)  # a ping is behind it, the pong is awaited
    _unprovable: set[str] = field(default_factory=set)
    _unmentioned: set[str] = field(default_factory=set)  # by the backlog since it was last begun
    _serial: int = 0

    def take(self, conversation_id: str, seq: int, *, own: bool) -> Place:
        """Note a message about to be pushed. Push it only when it is NEXT. What one sent oneself proves nothing."""
        top = self._top.get(conversation_id)
        if top is not None and seq <= top:
            return Place.REPEAT
        if top is not None and seq > top + 1:
            if conversation_id not in self._unmentioned:
                return Place.GAP
            self._base[conversation_id] = seq - 1
        self._unmentioned.discard(conversation_id)
        self._base.setdefault(conversation_id, seq - 1)
        self._top[conversation_id] = seq
        if not own:
            self._unasked[conversation_id] = seq
        return Place.NEXT

    def rerun(self) -> None:
        """The backlog begins anew. What it will not mention, other devices have answered for: it never comes here,
        and the first message after it must not be taken for a loss again and again.
        """
        self._unmentioned = set(self._top)

    def begin(self, conversation_id: str, after: int, *, whole: bool) -> None:
        """A page of backlog is about to push what follows `after`. Unless `whole`, older messages were left out:
        no pong can prove them, and so none of what follows, until the client says `ack`.

        If it begins below the run, what is before the run was lost: all of it is pushed, and asked about, once more.
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
            self._asked[conversation_id] = 0  # its pong is still to come, and proves nothing of this one

    def due_ping(self) -> int | None:
        """The serial of a ping to send now, or None: one is outstanding, or there is nothing to ask about."""
        if self._asked or not self._unasked:
            return None
        self._asked, self._unasked = self._unasked, {}
        self._serial += 1
        return self._serial

    def pong(self, serial: int) -> list[Proof]:
        """What the pong of that ping proves."""
        if serial != self._serial or not self._asked:
            return []
        answered, self._asked = self._asked, {}
        return [
            Proof(self.user_id, name, self._base[name], upto)
            for name, upto in answered.items()
            if name not in self._unprovable and upto > self._base[name]
        ]

    def ack(self, conversation_id: str, seq: int) -> Proof | None:
        """What an explicit ack proves: everything up to `seq`, clamped to what was pushed here."""
        top = self._top.get(conversation_id)
        if not top:
            return None
        if seq >= self._base[conversation_id]:
            self._unprovable.discard(conversation_id)  # the client has what was left out: the run is whole again
        return Proof(self.user_id, conversation_id, 0, min(seq, top))

    def top(self, conversation_id: str) -> int:
        """The last seq pushed of a conversation, 0 for none."""
        return self._top.get(conversation_id, 0)

    @property
    def all_answered(self) -> bool:
        """Whether the device has answered for everything pushed so far."""
        return not self._asked and not self._unasked
