"""Proofs of delivery that no worker has confirmed yet: left for the workers in batches, and again every 5 s."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import gevent
from gevent.event import Event

from actions import work
from infra import logs, loops, notes
from infra.metrics import proofs_waiting
from infra.tasks import AWAY
from messaging.delivered import Proof

log = logs.get(__name__)

REPEAT_SECONDS = 5.0
_PAUSE_SECONDS = 0.05  # proofs that come together go together
_MOST_TOGETHER = 100
_MOST_PENDING = 200_000  # beyond it the oldest is dropped, and its messages come again on the next connection


@dataclass(slots=True)
class _Pending:
    upto: int
    left_at: float | None = None


class Proofs:
    """The proofs of one relay. Each is kept until confirmed, even after its connection is closed."""

    def __init__(
        self,
        relay_id: str,
        *,
        leave: Callable[[str, list[list[Any]]], bool] = work.leave_proofs,
        call: Callable[[], None] = work.call,
        gather_seconds: float | None = None,
        most: int = _MOST_PENDING,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._relay_id = relay_id
        self._leave = leave
        self._call = call
        self._gather_seconds = gather_seconds
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._pending: dict[tuple[int, str, int], _Pending] = {}
        self._due = Event()

    def add(self, proofs: Iterable[Proof]) -> None:
        """Have proofs stored soon. Beyond `most` the oldest are dropped."""
        for proof in proofs:
            key = (proof.user_id, proof.conversation_id, proof.after)
            known = self._pending.pop(key, None)
            self._pending[key] = _Pending(max(proof.upto, known.upto if known else 0))
            self._due.set()
        while len(self._pending) > self._most:
            del self._pending[next(iter(self._pending))]

    def confirm(self, proofs: Iterable[notes.Proof]) -> None:
        """Forget proofs that a worker has dealt with."""
        for user_id, conversation_id, after, upto in proofs:
            key = (user_id, conversation_id, after)
            known = self._pending.get(key)
            if known and known.upto <= upto:
                del self._pending[key]

    def run(self) -> NoReturn:
        """Leave new proofs, and again those not confirmed, forever."""
        loops.forever("proofs", self._turn, sleep=self._sleep)

    def _turn(self) -> None:
        self._due.wait(timeout=1.0)
        self._due.clear()
        try:
            work.bring(self.leave_due, call=self._call, sleep=self._sleep, gather_seconds=self._gather_seconds)
        except AWAY as error:
            log.warning("proofs_wait", pending=len(self._pending), reason=str(error))
        proofs_waiting.set(len(self._pending))
        self._sleep(_PAUSE_SECONDS)

    def leave_due(self) -> bool:
        """Leave new proofs, and those not confirmed for REPEAT_SECONDS. Those that Redis does not take are left again.

        Returns whether a worker has to be called for them. Raises one of AWAY when Redis takes none.
        """
        now = self._clock()
        due = [
            (key, pending)
            for key, pending in self._pending.items()
            if pending.left_at is None or now - pending.left_at > REPEAT_SECONDS
        ]
        must_call = False
        for start in range(0, len(due), _MOST_TOGETHER):
            batch = due[start : start + _MOST_TOGETHER]
            try:
                must_call |= self._leave(self._relay_id, [[*key, pending.upto] for key, pending in batch])
            except AWAY:
                if must_call:  # a promise that others rely on
                    break
                raise
            for _, pending in batch:
                pending.left_at = now
        return must_call
