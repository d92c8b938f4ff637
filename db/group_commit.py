"""Group commit: drafts that arrive while one transaction commits wait, and are committed together in the next.

Invariants: one batch in flight per process; a draft that finds none in flight is committed at once, alone; each draft
gets its own answer or its own error; a full queue refuses at once; nobody overtakes another, and drafts that one caller
submits together go into one batch in their order. It uses only threading primitives, so that it serves greenlets and
native threads alike. It has no thread of its own: a caller that finds no batch in flight leads one, and then hands the
lead to the caller that has waited longest.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable, OutcomeUnknown
from db.flight import Call, Rows
from db.session import write_reserved
from infra.metrics import group_commit_seconds, group_commit_size

D = TypeVar("D")
A = TypeVar("A")
Ask = Callable[[Sequence[D], bool], Sequence[Call]]
Store = Callable[[Session, datetime, Sequence[Rows], Sequence[D], bool], Sequence[A | Exception]]

MAX_BATCH = 64
MAX_QUEUE = 1024
MAX_WAIT = 30.0  # seconds; a database that takes longer counts as unavailable


class QueueFull(DatabaseUnavailable):
    """More drafts wait than can be committed in good time. This one was not stored."""


class _Waiter(Generic[D, A]):
    __slots__ = ("answers", "drafts", "leads", "woken")

    def __init__(self, drafts: Sequence[D], woken: threading.Event) -> None:
        self.drafts = drafts
        self.woken = woken
        self.leads = False
        self.answers: Sequence[A | BaseException] = ()  # none yet


class GroupCommit(Generic[D, A]):
    """Commits drafts through `ask(drafts, again)`, which returns the first calls of their transaction, and through
    `store(session, now, rows, drafts, again)`, which returns an answer or an exception for each draft, in their order.

    `again` says that drafts may be stored already: the calls are to look for them, or an IntegrityError has just told
    so. `repeatable(draft)` says whether a draft may be tried again after its COMMIT was lost, because it would then
    be found. At most `most` drafts wait, each caller for an `event` of their own.
    """

    def __init__(
        self,
        ask: Ask[D],
        store: Store[D, A],
        *,
        repeatable: Callable[[D], bool],
        most: int = MAX_QUEUE,
        event: Callable[[], threading.Event] = threading.Event,
    ) -> None:
        self._ask = ask
        self._store = store
        self._repeatable = repeatable
        self._most = most
        self._event = event
        self._lock = threading.Lock()
        self._queue: deque[_Waiter[D, A]] = deque()
        self._waiting = 0  # drafts in the queue
        self._busy = False

    def submit(self, draft: D) -> A:
        """Commit one draft. Returns the rule's answer to it.

        Raises the exception that the rule answered instead, QueueFull, OutcomeUnknown or DatabaseUnavailable.
        """
        (answer,) = self.submit_all([draft])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def submit_all(self, drafts: Sequence[D]) -> Sequence[A | BaseException]:
        """Commit 1 to MAX_BATCH drafts of one caller in one batch, together with those of others.

        Returns for each what `submit` would return or raise. Raises QueueFull when there is no place for all of them.
        """
        if not 1 <= len(drafts) <= MAX_BATCH:
            raise ValueError("a batch never has room for so many drafts")
        waiter = self._enqueue(drafts)
        if not waiter.leads:
            self._wait(waiter)
            self._give_up_if_forgotten(waiter)
        if waiter.leads:
            self._lead()
        return waiter.answers

    def _enqueue(self, drafts: Sequence[D]) -> _Waiter[D, A]:
        waiter: _Waiter[D, A] = _Waiter(drafts, self._event())
        with self._lock:
            if self._waiting + len(drafts) > self._most:
                raise QueueFull("the queue of sends is full")
            self._queue.append(waiter)
            self._waiting += len(drafts)
            waiter.leads = not self._busy
            self._busy = True
        return waiter

    def _wait(self, waiter: _Waiter[D, A]) -> None:
        try:
            waiter.woken.wait(MAX_WAIT)
        except BaseException:  # a greenlet that is killed here may have been handed the lead
            with self._lock:
                self._withdraw(waiter)
                if waiter.leads:
                    self._hand_over()
            raise

    def _withdraw(self, waiter: _Waiter[D, A]) -> bool:
        """Take a waiter out of the queue. Returns whether it was there. The caller holds the lock."""
        if waiter not in self._queue:
            return False
        self._queue.remove(waiter)
        self._waiting -= len(waiter.drafts)
        return True

    def _hand_over(self) -> None:
        """Hand the lead to the first waiter, if any. The caller holds the lock."""
        self._busy = bool(self._queue)
        if self._queue:
            self._queue[0].leads = True
            self._queue[0].woken.set()

    def _give_up_if_forgotten(self, waiter: _Waiter[D, A]) -> None:
        with self._lock:
            if waiter.leads or waiter.answers:
                return
            error = DatabaseUnavailable if self._withdraw(waiter) else OutcomeUnknown
            waiter.answers = [error("the database took too long")] * len(waiter.drafts)

    def _lead(self) -> None:
        batch = self._take()
        drafts = [draft for waiter in batch for draft in waiter.drafts]
        answers: Sequence[A | BaseException] = [OutcomeUnknown("the process is going away")] * len(drafts)
        try:
            with group_commit_seconds.time():
                answers = self._commit(drafts)
        finally:
            group_commit_size.observe(len(drafts))
            self._finish(batch, answers)

    def _take(self) -> list[_Waiter[D, A]]:
        """Returns the first waiters, whose drafts make the next batch. Nobody overtakes one who has no room in it."""
        with self._lock:
            batch, room = [], MAX_BATCH
            while self._queue and len(self._queue[0].drafts) <= room:
                batch.append(self._queue.popleft())
                room -= len(batch[-1].drafts)
            self._waiting -= MAX_BATCH - room
        return batch

    def _finish(self, batch: Sequence[_Waiter[D, A]], answers: Sequence[A | BaseException]) -> None:
        start = 0
        with self._lock:
            for waiter in batch:
                end = start + len(waiter.drafts)
                waiter.answers = waiter.answers or answers[start:end]
                waiter.leads = False
                waiter.woken.set()
                start = end
            self._hand_over()

    def _commit(self, drafts: Sequence[D]) -> Sequence[A | BaseException]:
        """Returns an answer or an error for each draft.

        The batch is tried whole. When something in it was stored before, it is tried whole once more, and a third time
        when another process stored one of its keys meanwhile, and then draft by draft.
        """
        for again in (False, True, True):
            try:
                return self._run(drafts, again=again)
            except (IntegrityError, DataError):
                continue
            except OutcomeUnknown as error:
                return [self._after_lost_commit(draft, error) for draft in drafts]
            except Exception as error:  # noqa: BLE001 - it is raised again in every sender's own call
                return [error] * len(drafts)
        return [self._alone(draft) for draft in drafts]

    def _run(self, drafts: Sequence[D], *, again: bool) -> Sequence[A | BaseException]:
        def answer_all(session: Session, now: datetime, rows: list[Rows]) -> Sequence[A | BaseException]:
            answers = self._store(session, now, rows, drafts, again)
            if len(answers) != len(drafts):  # noticed any later, it would leave every caller waiting
                raise ValueError("a rule answers every draft")
            return answers

        return write_reserved(self._ask(drafts, again), answer_all)

    def _alone(self, draft: D) -> A | BaseException:
        """Returns one draft's answer or error. A collision is retried: its own lost COMMIT may have gone through."""
        try:
            try:
                return self._run([draft], again=True)[0]
            except (IntegrityError, DataError):
                return self._run([draft], again=True)[0]
        except Exception as error:  # noqa: BLE001 - it is raised again in the sender's own call
            return error

    def _after_lost_commit(self, draft: D, error: OutcomeUnknown) -> A | BaseException:
        """Returns the answer of another run if the draft is repeatable: the rule first looks for a stored one."""
        return self._alone(draft) if self._repeatable(draft) else error
