"""Proofs of delivery that no worker has confirmed yet: sent to workers in batches, and again every 5 s."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import gevent
from gevent.event import Event

from infra import logs, loops, notes
from infra.tasks import AWAY, Task, send
from messaging.delivered import Proof

log = logs.get(__name__)

REPEAT_SECONDS = 5.0
_GATHER_SECONDS = 0.05  # proofs that come together go together
_MOST_PER_TASK = 500
_MOST_PENDING = 200_000  # beyond it the oldest is dropped, and its messages come again on the next connection


@dataclass(slots=True)
class _Pending:
    upto: int
    sent_at: float | None = None


def _store(relay_id: str, proofs: list[list[Any]]) -> None:
    send(Task.STORE_PROOFS, relay_id, proofs, summary=f"{len(proofs)} proofs")


class Proofs:
    """The proofs of one relay. Each is kept until confirmed, even after its connection is closed."""

    def __init__(
        self,
        relay_id: str,
        *,
        store: Callable[[str, list[list[Any]]], object] = _store,
        most: int = _MOST_PENDING,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        self._relay_id = relay_id
        self._store = store
        self._most = most
        self._clock = clock
        self._sleep = sleep
        self._pending: dict[tuple[int, str, int], _Pending] = {}
        self._due = Event()

    def add(self, proofs: Iterable[Proof]) -> None:
        """Queue proofs to be sent to a worker soon. Beyond `most` the oldest are dropped."""
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
        """Send new proofs, and again those not confirmed, forever."""
        loops.forever("proofs", self._turn, sleep=self._sleep)

    def _turn(self) -> None:
        self._due.wait(timeout=1.0)
        self._due.clear()
        self._sleep(_GATHER_SECONDS)
        try:
            self.send_due()
        except AWAY as error:
            log.warning("proofs_wait", pending=len(self._pending), reason=str(error))

    def send_due(self) -> None:
        """Send new proofs, and those not confirmed for REPEAT_SECONDS. Raises one of AWAY."""
        now = self._clock()
        due = [
            (key, pending)
            for key, pending in self._pending.items()
            if pending.sent_at is None or now - pending.sent_at > REPEAT_SECONDS
        ]
        for start in range(0, len(due), _MOST_PER_TASK):
            batch = due[start : start + _MOST_PER_TASK]
            for _, pending in batch:
                pending.sent_at = now
            self._store(self._relay_id, [[*key, pending.upto] for key, pending in batch])
