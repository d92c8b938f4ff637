"""Reruns after a lost link: all connections hold live frames at once, and run their backlogs again bit by bit.

A message must not overtake a lost one before it, and workers must not be asked for all backlogs at the same moment.
Before a user's backlogs it is read which groups they are in, so that what comes after the backlogs is heard.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import NoReturn

import gevent
from gevent.event import Event

from infra import loops
from realtime.connection import Connection

_PER_SECOND = 500
_STEP_SECONDS = 0.1
_IDLE_SECONDS = 1.0
_FOLLOWING_SECONDS = 60.0  # losses no further apart are consecutive: the reruns may break the link
_MOST_SECONDS = 8.0  # the longest pause between a restored link and the reruns


class Reruns:
    """The connections that wait for their rerun. `run` has to run for any to get it.

    `settle(user_ids)` reads the groups of these users, and returns those for whom it could.
    """

    def __init__(
        self,
        settle: Callable[[Collection[int]], set[int]],
        *,
        per_second: int = _PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._settle = settle
        self._at_a_step = max(1, int(per_second * _STEP_SECONDS))
        self._clock = clock
        self._sleep = sleep
        self._waiting: deque[Connection] = deque()
        self._any = Event()
        self._lost_at = float("-inf")
        self._in_a_row = 0
        self._not_before = 0.0

    def add(self, affected: Sequence[Connection]) -> None:
        """Pause the `affected` connections, which are all there are, and queue them anew for a rerun."""
        if not affected:
            return
        for connection in affected:
            connection.pause()
        now = self._clock()
        self._in_a_row = self._in_a_row + 1 if now - self._lost_at < _FOLLOWING_SECONDS else 0
        self._lost_at = now
        self._not_before = now + (min(_MOST_SECONDS, 2.0 ** (self._in_a_row - 1)) if self._in_a_row else 0.0)
        self._waiting = deque(affected)
        self._any.set()

    def run(self) -> NoReturn:
        """Rerun backlogs forever."""
        loops.forever("reruns", self.step, sleep=self._sleep)

    def step(self) -> None:
        """Rerun the next few backlogs, or wait up to a second for any to be due."""
        early = self._not_before - self._clock()
        if not self._waiting:
            self._any.wait(timeout=_IDLE_SECONDS)
            self._any.clear()
        elif early > 0:
            self._sleep(min(early, _IDLE_SECONDS))
        else:
            self._sleep(_STEP_SECONDS if self._rerun_some() else _IDLE_SECONDS)

    def _rerun_some(self) -> bool:
        """Rerun the next few backlogs. Returns False when none was, as the users' groups could not be read."""
        waiting = self._waiting
        some = list(islice(waiting, self._at_a_step))
        settled = self._settle({connection.claims.user_id for connection in some})
        if waiting is not self._waiting:  # the link was lost once more, and all wait anew
            return True
        for connection in some:
            waiting.popleft()
            if connection.claims.user_id in settled:
                connection.rerun_backlog()
            else:
                waiting.append(connection)
        return bool(settled)
