"""Reading which groups users are in, and subscribing to these groups, so that their notes reach the members here."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from threading import Event as Confirmed
from typing import NoReturn

import gevent
from gevent.event import Event

from db.errors import DatabaseUnavailable
from db.session import read
from infra import channels, logs, loops
from messaging.groups.memberships import Membership, memberships
from realtime.groups import Groups, Mark

log = logs.get(__name__)

Found = Mapping[int, Sequence[Membership]]

_SUBSCRIBE_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0  # of a connection; its backlog is then run again when the memberships are known
_GATHER_SECONDS = 0.02  # also the shortest time between two backlogs of a user who comes into one group after another
_RETRY_SECONDS = 1.0
_IDLE_SECONDS = 2.0  # without anything to do; then the loop turns, which shows that it is alive
_TOGETHER = 50  # users whose memberships are read at once
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
        self._asked: dict[int, Event] = {}
        self._any = Event()

    def admit(self, user_id: int, found: Sequence[Membership], since: Mark) -> bool:
        """Take in what `hello` found of a user who connects, after `since`; else have it read anew, and wait for that.

        Returns whether nothing of these groups can have been missed since. If not, the backlog has to be run.
        """
        if self._groups.install(user_id, found, since):
            return self._groups.unheard(found, since)
        self._confirm(each.conversation_id for each in found)
        self.ask(user_id).wait(_PATIENCE_SECONDS)
        return False

    def ask(self, user_id: int) -> Event:
        """Have a user's memberships read soon. Returns an event, set when they are taken in."""
        done = self._asked.setdefault(user_id, Event())
        self._any.set()
        return done

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
        some = {user_id: self._asked.pop(user_id) for user_id in list(islice(self._asked, _TOGETHER))}
        settled = self.settle(some)
        for user_id, done in some.items():
            if user_id in settled:
                self._settled(user_id)
                done.set()
            else:
                self._asked.setdefault(user_id, done)
        if len(settled) < len(some):
            self._sleep(_RETRY_SECONDS)

    def settle(self, user_ids: Collection[int]) -> set[int]:
        """Read the memberships of users, subscribe to their groups and take the memberships in.

        Returns the users for whom that is done, or who are here no more. For the others try again: the database or
        Redis is away.
        """
        settled: set[int] = set()
        for _ in range(_READINGS):
            since = self._groups.mark()
            found = self._read(set(user_ids) - settled)
            settled |= {user_id for user_id, its in found.items() if self._take_in(user_id, its, since)}
            if len(settled) == len(user_ids):
                break
            if not found or not self._confirm(each.conversation_id for its in found.values() for each in its):
                break
        return settled

    def _take_in(self, user_id: int, found: Sequence[Membership], since: Mark) -> bool:
        return not self._is_here(user_id) or self._groups.install(user_id, found, since)

    def _read(self, user_ids: Collection[int]) -> Found:
        try:
            return self._reading(sorted(user_ids))
        except DatabaseUnavailable as error:
            log.warning("memberships_not_read", users=len(user_ids), reason=str(error))
        except Exception:
            log.exception("memberships_stumbled")
        return {}

    def _confirm(self, names: Iterable[str]) -> bool:
        """Subscribe to groups, and wait. Returns whether Redis has confirmed all that it had not confirmed before."""
        missing = self._groups.expect(names)
        until = self._clock() + _SUBSCRIBE_SECONDS
        for confirmed in self._subscribe([channels.of_group(name) for name in missing]):
            if not confirmed.wait(max(0.0, until - self._clock())):
                return False
        self._groups.confirmed(missing.values())
        return True
