"""Proofs of delivery that no worker has confirmed yet: left for the workers in batches, and again every 5 s."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import gevent
from gevent.event import Event

from actions import work
from infra import logs, loops, notes
from infra.metrics import proofs_waiting
from infra.tasks import AWAY
from infra.trace import Traced
from messaging.conversation_id import group_of
from messaging.delivered import Proof

log = logs.get(__name__)

REPEAT_SECONDS = 5.0
GROUP_SECONDS = 2.0  # in which the proofs of a group's members gather: a message has as many as members
_PAUSE_SECONDS = 0.05  # proofs that come together go together
_MOST_TOGETHER = 100
_MOST_PENDING = 200_000  # beyond it the oldest is dropped, and its messages come again on the next connection

_MOST_TOLD = 100  # messages of a proof whose way is told
_NONE_TOLD: dict[str, list[Traced]] = {}

_Key = tuple[int, str, int]  # user id, conversation id, after


@dataclass(slots=True)
class _Pending:
    upto: int
    told: list[Traced]  # the messages that it proves whose way is told
    left_at: float | None = None


class Proofs:
    """The proofs of one relay. Each is kept until confirmed, even after its connection is closed."""

    def __init__(
        self,
        relay_id: str,
        *,
        leave: Callable[[str, list[list[Any]], list[Traced]], bool] = work.leave_proofs,
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
        self._pending: dict[_Key, _Pending] = {}
        self._gathering: dict[int, dict[_Key, _Pending]] = {}  # of groups, by user
        self._gathered_at = float("-inf")
        self._due = Event()

    def add(self, proofs: Iterable[Proof], told: Mapping[str, list[Traced]] = _NONE_TOLD) -> None:
        """Have proofs stored soon, and those of groups within GROUP_SECONDS. Beyond `most` the oldest are dropped.

        `told` are the messages that they prove whose way is told, by conversation.
        """
        for proof in proofs:
            key = (proof.user_id, proof.conversation_id, proof.after)
            pending = _Pending(proof.upto, told.get(proof.conversation_id, []))
            if group_of(proof.conversation_id) is None:
                self._put(key, pending)
            else:
                gathering = self._gathering.setdefault(proof.user_id, {})
                gathering[key] = _together(pending, gathering.get(key))

    def hurry(self, user_id: int) -> None:
        """Have a user's proofs stored without waiting for more, as they may come back and be asked to prove again."""
        for key, pending in self._gathering.pop(user_id, {}).items():
            self._put(key, pending)

    def _put(self, key: _Key, pending: _Pending) -> None:
        self._pending[key] = _together(pending, self._pending.pop(key, None))
        while len(self._pending) > self._most:
            del self._pending[next(iter(self._pending))]
        self._due.set()

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

        Proofs of groups become new ones every GROUP_SECONDS.

        Returns whether a worker has to be called for them. Raises one of AWAY when Redis takes none.
        """
        now = self._clock()
        if now - self._gathered_at >= GROUP_SECONDS:
            self._gathered_at = now
            for user_id in list(self._gathering):
                self.hurry(user_id)
        due = [
            (key, pending)
            for key, pending in self._pending.items()
            if pending.left_at is None or now - pending.left_at > REPEAT_SECONDS
        ]
        must_call = False
        for start in range(0, len(due), _MOST_TOGETHER):
            batch = due[start : start + _MOST_TOGETHER]
            try:
                proofs = [[*key, pending.upto] for key, pending in batch]
                told = [traced for _, pending in batch for traced in pending.told]
                must_call |= self._leave(self._relay_id, proofs, told)
            except AWAY:
                if must_call:  # a promise that others rely on
                    break
                raise
            for _, pending in batch:
                pending.left_at = now
        return must_call


def _together(new: _Pending, known: _Pending | None) -> _Pending:
    if known is None:
        return new
    return _Pending(max(new.upto, known.upto), (known.told + new.told)[-_MOST_TOLD:])
