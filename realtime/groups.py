"""Which of this relay's users are in which group, and who of them gets a note on a group's channel.

Membership follows the order of the conversation. A membership is read from the database once Redis has confirmed the
group's channel: what changes after the reading is published after it, and heard. A message that says who came or went
is followed as it is passed on, so that nobody gets what comes after their removal, whatever is read meanwhile.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from infra import notes
from messaging.groups.memberships import Membership

REMEMBERED_SECONDS = 60.0  # a removal is; a membership that was read longer ago is not taken
LINGER_SECONDS = 5.0  # a group without members here is kept so long: one may be back

_Entry = tuple[int, int]  # first_seq, and the message as of which the membership was read


@dataclass(slots=True, eq=False)
class Group:
    """A group whose channel is subscribed to, or is about to be."""

    ready: int | None = None  # since when, in turns of `Groups`, its channel is known to be confirmed
    heard: int = 0  # the turn of its last message
    passed: int = 0  # the seq of the last message passed on that said who came or went
    members: dict[int, _Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment before which memberships were not yet read: a turn of `Groups`, and a time of its clock."""

    turn: int
    at: float


class Groups:
    """The members among one relay's users, by group."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = 0  # counts messages and confirmations, to tell what came first
        self._groups: dict[str, Group] = {}
        self._of_user: dict[int, set[str]] = {}
        self._empty_since: dict[str, float] = {}
        self._kept: list[set[str]] = []  # by readings under way, which may take longer than an empty group is kept
        self._went: dict[tuple[str, int], tuple[int, float]] = {}  # seq and time of removals, the oldest first

    def mark(self) -> Mark:
        """Returns this moment. Take it before memberships are read."""
        return Mark(self._turn, self._clock())

    def expect(self, names: Iterable[str]) -> dict[str, Group]:
        """Returns those of the groups whose channel is not known to be confirmed. Subscribe to them."""
        now = self._clock()
        missing: dict[str, Group] = {}
        for name in names:
            group = self._groups.get(name)
            if group is None:
                group = self._groups[name] = Group()
            if not group.members:
                self._empty_since[name] = now
            if group.ready is None:
                missing[name] = group
        return missing

    @contextmanager
    def keeping(self) -> Iterator[set[str]]:
        """Keep the groups that are put into the set given, though they have no member here yet: they are being read."""
        kept: set[str] = set()
        self._kept.append(kept)
        try:
            yield kept
        finally:
            self._kept = [each for each in self._kept if each is not kept]

    def confirmed(self, groups: Collection[Group]) -> None:
        """Note that Redis has confirmed the channels of groups that `expect` returned."""
        self._turn += 1
        for group in groups:
            group.ready = group.ready or self._turn

    def install(self, user_id: int, memberships: Sequence[Membership], since: Mark) -> bool:
        """Take in a user's memberships, which were read after `since`.

        Returns False, and takes none, unless the channels of all were confirmed by then: then subscribe and read anew.
        """
        if self._clock() - since.at > REMEMBERED_SECONDS:
            return False
        if not all(self._was_ready(each.conversation_id, since) for each in memberships):
            return False
        for each in memberships:
            self._take_in(user_id, each)
        return True

    def _was_ready(self, name: str, since: Mark) -> bool:
        group = self._groups.get(name)
        return group is not None and group.ready is not None and group.ready <= since.turn

    def _take_in(self, user_id: int, membership: Membership) -> None:
        name, entry = membership.conversation_id, (membership.first_seq, membership.members_seq)
        went, _ = self._went.get((name, user_id), (0, 0.0))
        if went > membership.first_seq:
            return  # read before the removal, which has been passed on since
        members = self._groups[name].members
        members[user_id] = max(entry, members.get(user_id, entry))
        self._of_user.setdefault(user_id, set()).add(name)
        self._empty_since.pop(name, None)

    def unheard(self, memberships: Iterable[Membership], since: Mark) -> bool:
        """Returns whether no message of these groups has come since: the user would have missed it."""
        groups = [self._groups.get(each.conversation_id) for each in memberships]
        return all(group is not None and group.heard <= since.turn for group in groups)

    def audience(self, note: notes.OfGroup) -> list[int]:
        """Returns the users here whom a note is for, and follows what a message says of who came or went."""
        group = self._groups.get(note.conversation_id)
        if group is None:
            return []
        match note:
            case notes.GroupMessage():
                users = _who_see(group, note.seq)
                self._follow(group, note)
            case notes.FastGroupMessage():
                users = [
                    user_id for user_id in _surely(group, note.members_seq) if group.members[user_id][0] <= note.seq
                ]
            case notes.GroupFrame():
                users = [user_id for user_id in _who_see(group, note.seq) if user_id not in note.blind]
                if note.only:
                    users = [user_id for user_id in users if user_id in note.only]
            case notes.GroupTyping():
                users = [user_id for user_id in _surely(group, note.members_seq) if user_id != note.from_user_id]
        return users

    def sees(self, user_id: int, name: str, quoting: notes.Quoting) -> bool:
        """Returns whether a user sees what a note of this group quotes: a member, with it in their range."""
        group = self._groups.get(name)
        entry = group.members.get(user_id) if group else None
        return entry is not None and entry[0] <= quoting.seq and user_id not in quoting.blind

    def _follow(self, group: Group, note: notes.GroupMessage) -> None:
        self._turn += 1
        group.heard = self._turn
        if not note.membership:
            return
        group.passed = max(group.passed, note.seq)
        now = self._clock()
        for user_id in note.went:
            known, _ = self._went.pop((note.conversation_id, user_id), (0, 0.0))
            self._went[note.conversation_id, user_id] = max(known, note.seq), now
            first_seq, _ = group.members.get(user_id, (note.seq, 0))
            if first_seq < note.seq:  # a repeat of the note does not remove who has come back since
                self._remove(note.conversation_id, user_id)

    def _remove(self, name: str, user_id: int) -> None:
        members = self._groups[name].members
        members.pop(user_id, None)
        if not members:
            self._empty_since[name] = self._clock()
        names = self._of_user.get(user_id, set())
        names.discard(name)
        if not names:
            self._of_user.pop(user_id, None)

    def leave(self, user_id: int) -> None:
        """Forget a user, who has no connection here any more."""
        for name in list(self._of_user.get(user_id, ())):
            self._remove(name, user_id)

    def forget(self) -> None:
        """Forget all memberships, and that channels are confirmed: notes may have been lost, and with them removals."""
        now = self._clock()
        self._turn += 1
        self._empty_since = dict.fromkeys(self._groups, now)
        self._groups = {name: Group() for name in self._groups}
        self._of_user.clear()
        self._went.clear()

    def drop_idle(self, most: int) -> list[str]:
        """Forget up to `most` groups that have had no member here for a while. Returns them: unsubscribe from them."""
        idle = list(islice(self._idle(self._clock()), most))
        for name in idle:
            del self._groups[name], self._empty_since[name]
        return idle

    def _idle(self, now: float) -> Iterator[str]:
        for name, since in self._empty_since.items():
            if now - since > LINGER_SECONDS and not any(name in kept for kept in self._kept):
                yield name

    def drop_removals(self) -> None:
        """Forget the removals that no reading is old enough for any more."""
        now = self._clock()
        while self._went:
            place, (_, at) = next(iter(self._went.items()))
            if now - at <= REMEMBERED_SECONDS:
                break
            del self._went[place]


def _who_see(group: Group, seq: int) -> list[int]:
    return [user_id for user_id, (first_seq, _) in group.members.items() if first_seq <= seq]


def _surely(group: Group, members_seq: int) -> Iterable[int]:
    """Returns the members of whom it is certain that they were not removed with the message `members_seq` or before."""
    if group.passed >= members_seq:
        return group.members
    return (user_id for user_id, (_, as_of) in group.members.items() if as_of >= members_seq)
