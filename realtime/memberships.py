"""Reading which groups users are in, and subscribing to these groups, so that their notes reach the members here."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from threading import Event as Confirmed
from typing import NoReturn, TypeVar

import gevent
from gevent.event import Event

from db.errors import DatabaseUnavailable
from db.session import read
from infra import channels, logs, loops
from messaging.groups.memberships import Membership, memberships
from realtime.groups import Group, Groups, Mark

log = logs.get(__name__)

T = TypeVar("T")
Found = Mapping[int, Sequence[Membership]]

_SUBSCRIBE_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0  # of a connection; its backlog is then run again when the memberships are known
_GATHER_SECONDS = 0.02  # also the shortest time between two backlogs of a user who comes into one group after another
_RETRY_SECONDS = 1.0
_IDLE_SECONDS = 2.0  # without anything to do; then the loop turns, which shows that it is alive
_TOGETHER = 50  # users whose memberships are read at once
_AT_ONCE = 500  # memberships; then others have their turn, so that nobody waits for thousands
_READINGS = 3  # in a row, each of which may find groups that were not there before


class Memberships:
    """The readings of one relay's users' memberships. `run` has to run for those that are asked for.

    `subscribe(channels)` returns an event for each, set once Redis has confirmed it; `is_here(user_id)` says whether a
    user has a connection; `settled(user_id)` is called when a reading that was asked for is done.
    """

    def __init__(
        self,
        groups: Groups,
        subscribe: Callable[[Iterable[str]], Iterable[Confirmed]],
        is_here: Callable[[int], bool],
        settled: Callable[[int], None],
        *,
        reading: Callable[[Collection[int]], Found] = lambda user_ids: read(memberships, user_ids=user_ids),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._groups = groups
        self._subscribe = subscribe
        self._is_here = is_here
        self._settled = settled
        self._reading = reading
        self._clock = clock
        self._sleep = sleep
        self._asked: dict[int, None] = {}  # users, in their order
        self._done: dict[int, Event] = {}
        self._any = Event()
        self._in_a_row = 0

    def admit(self, user_id: int, found: Sequence[Membership], since: Mark) -> bool:
        """Take in what `hello` found of a user who connects, after `since`; else have it read anew, and wait for that.

        Returns whether nothing of these groups can have been missed since. If not, the backlog has to be run.
        """
        if self._take_in(user_id, found, since):
            return self._groups.unheard(found, since)
        self._confirm([each.conversation_id for each in found])
        self.ask(user_id).wait(_PATIENCE_SECONDS)
        return False

    def ask(self, user_id: int) -> Event:
        """Have a user's memberships read soon. Returns an event, set when they are taken in.

        There is one for all who wait: a reading that fails, or comes too early for who asked last, loses none of them.
        """
        self._asked[user_id] = None
        self._any.set()
        return self._done.setdefault(user_id, Event())

    def run(self) -> NoReturn:
        """Read what is asked for, forever."""
        loops.forever("memberships", self.step, sleep=self._sleep)

    def step(self) -> None:
        """Read for those who have asked, or wait for any."""
        if not self._asked:
            self._any.wait(_IDLE_SECONDS)
            self._any.clear()
            return
        self._sleep(_GATHER_SECONDS)
        left = {user_id: self._asked.pop(user_id) for user_id in list(islice(self._asked, _TOGETHER))}
        try:
            settled = self.settle(left)
            for user_id in [user_id for user_id in left if user_id in settled]:
                del left[user_id]
                self._tell(user_id)
        finally:
            self._asked |= left
        if left:
            self._sleep(_RETRY_SECONDS)

    def _tell(self, user_id: int) -> None:
        if user_id not in self._asked:  # else they have asked once more, and wait for the reading after this
            self._done.pop(user_id).set()
        self._settled(user_id)

    def settle(self, user_ids: Collection[int]) -> set[int]:
        """Read the memberships of users, subscribe to their groups and take the memberships in.

        Returns the users for whom that is done, or who are here no more. For the others try again: the database or
        Redis is away.
        """
        settled: set[int] = set()
        with self._groups.keeping() as kept:
            for _ in range(_READINGS):
                since = self._groups.mark()
                found = self._read(set(user_ids) - settled)
                settled |= {user_id for user_id, its in found.items() if self._take_in(user_id, its, since)}
                if len(settled) == len(user_ids):
                    break
                names = list(dict.fromkeys(each.conversation_id for its in found.values() for each in its))
                kept.update(names)
                if not found or not self._confirm(names):
                    break
        return settled

    def _take_in(self, user_id: int, found: Sequence[Membership], since: Mark) -> bool:
        for some in _pieces(found):
            self._breathe(len(some))
            if not self._is_here(user_id):
                return True
            if not self._groups.install(user_id, some, since):
                return False
        return True

    def _read(self, user_ids: Collection[int]) -> Found:
        """Returns the memberships of these users, or of some, as the database is away.

        A user whose memberships cannot be read, though the database is there, counts as in no group: their
        conversations of two must not wait for that, nor must other users.
        """
        try:
            return self._reading(sorted(user_ids))
        except DatabaseUnavailable as error:
            log.warning("memberships_not_read", users=len(user_ids), reason=str(error))
            return {}
        except Exception:
            log.exception("memberships_stumbled", users=len(user_ids))
        return self._read_singly(user_ids) if len(user_ids) > 1 else dict.fromkeys(user_ids, ())

    def _read_singly(self, user_ids: Iterable[int]) -> Found:
        found: dict[int, Sequence[Membership]] = {}
        for user_id in sorted(user_ids):
            its = self._read([user_id])
            if not its:
                break
            found |= its
        return found

    def _confirm(self, names: Sequence[str]) -> bool:
        """Subscribe to groups, and wait. Returns whether Redis has confirmed all that it had not confirmed before."""
        until = self._clock() + _SUBSCRIBE_SECONDS
        missing: list[Group] = []
        awaited: list[Confirmed] = []
        for some in _pieces(names):
            self._breathe(len(some))
            groups = self._groups.expect(some)
            missing += groups.values()
            awaited += self._subscribe([channels.of_group(name) for name in groups])
        for confirmed in awaited:
            if not confirmed.wait(max(0.0, until - self._clock())):
                return False
        self._groups.confirmed(missing)
        return True

    def _breathe(self, count: int) -> None:
        """Let other greenlets run before this many memberships, if many have come in a row.

        Whatever changes meanwhile is as if it had changed before: each piece is taken in by the rules of Groups.
        """
        self._in_a_row += count
        if self._in_a_row > _AT_ONCE:
            self._in_a_row = count
            self._sleep(0)


def _pieces(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(whole), _AT_ONCE):
        yield whole[first : first + _AT_ONCE]
