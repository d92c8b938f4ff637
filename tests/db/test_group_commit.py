"""Drafts that arrive during a commit go together into the next, and nobody answers for another's draft."""

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import group_commit
from db.group_commit import MAX_BATCH, MAX_QUEUE, GroupCommit, QueueFull, _Waiter
from db.head import Head
from db.insert_ignore import insert_new
from db.session import DatabaseUnavailable, OutcomeUnknown, reserved_engine, run
from tests.processes import PATIENCE


class Arrivals(deque[Any]):
    """The queue, telling the test of everyone who joins it."""

    def __init__(self) -> None:
        super().__init__()
        self.everyone: list[Any] = []
        self._arrived = threading.Semaphore(0)

    def append(self, waiter: Any) -> None:
        super().append(waiter)
        self.everyone.append(waiter)
        self._arrived.release()

    def wait_for_one(self) -> None:
        assert self._arrived.acquire(timeout=PATIENCE)


class Rule:
    """Answers each draft with its name, and remembers the batches. What `stop` names is held until `go`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: list[threading.Thread] = []
        self.stops_at = {"first"}
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.then: Callable[[Session, Sequence[str]], Sequence[Any]] = lambda _, drafts: [f"did {d}" for d in drafts]

    def __call__(self, session: Session, _now: datetime, drafts: Sequence[str]) -> Sequence[Any]:
        self.batches.append(list(drafts))
        self.threads.append(threading.current_thread())
        if self.stops_at.intersection(drafts):
            self.entered.release()
            assert self.go.acquire(timeout=PATIENCE)
        return self.then(session, drafts)

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)


class Senders:
    """Threads that submit, each until it has its answer."""

    def __init__(self, commits: GroupCommit[str, Any], rule: Rule, queue: Arrivals, pool: ThreadPoolExecutor) -> None:
        self.rule = rule
        self.queue = queue
        self.commits = commits
        self._pool = pool
        self.thread_of: dict[str, threading.Thread] = {}

    def submit(self, *drafts: str) -> list[Future[Any]]:
        """Submit drafts, one after the other; returns once all are queued."""
        futures = []
        for draft in drafts:
            futures.append(self._pool.submit(self._submit, draft))
            self.queue.wait_for_one()
        return futures

    def first(self) -> Future[Any]:
        """Submit a draft whose batch is held; returns once it is in flight."""
        (future,) = self.submit("first")
        self.rule.wait_entered()
        return future

    def _submit(self, draft: str) -> Any:
        self.thread_of[draft] = threading.current_thread()
        return self.commits.submit(draft)


def outcomes(futures: Sequence[Future[Any]]) -> list[Any]:
    """What each was answered, or the type of what it raised."""
    return [type(error) if (error := future.exception(PATIENCE)) else future.result() for future in futures]


def store_heads(session: Session, drafts: Sequence[str]) -> list[str]:
    """Insert a row for each draft; one that is there already is an IntegrityError for all."""
    session.execute(insert(Head), [{"conversation_id": draft, "shard": 0} for draft in drafts])
    return [f"stored {draft}" for draft in drafts]


def stored() -> set[str]:
    return set(run(lambda session, _: session.scalars(select(Head.conversation_id)).all(), write=False))


@contextmanager
def sending() -> Iterator[Senders]:
    """Senders to a group commit that repeats what begins with "again"."""
    rule, queue = Rule(), Arrivals()
    commits: GroupCommit[str, Any] = GroupCommit(rule, repeatable=lambda draft: draft.startswith("again"))
    commits._queue = queue
    with ThreadPoolExecutor(MAX_BATCH + 10) as pool:
        yield Senders(commits, rule, queue, pool)
        rule.go.release(100)


@pytest.fixture
def senders(database: str) -> Iterator[Senders]:
    with sending() as senders:
        yield senders


@pytest.fixture
def senders_to_mariadb(mariadb_database: str) -> Iterator[Senders]:
    with sending() as senders:
        yield senders


def test_a_lone_draft_is_committed_at_once(senders: Senders) -> None:
    assert senders.commits.submit("alone") == "did alone"
    assert senders.commits.submit("another") == "did another"
    assert senders.rule.batches == [["alone"], ["another"]]


def test_what_arrives_during_a_commit_goes_together_into_the_next(senders: Senders) -> None:
    first = senders.first()
    others = senders.submit("a", "b", "c")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["did first", "did a", "did b", "did c"]
    assert senders.rule.batches == [["first"], ["a", "b", "c"]]


def test_the_first_who_waits_takes_over_the_lead(senders: Senders) -> None:
    senders.rule.stops_at |= {"b"}
    first = senders.first()
    second = senders.submit("a", "b")
    senders.rule.go.release()
    senders.rule.wait_entered()
    assert outcomes([first]) == ["did first"], "who led before does not lead on"
    third = senders.submit("c")
    senders.rule.go.release()
    assert outcomes([*second, *third]) == ["did a", "did b", "did c"]
    assert senders.rule.threads == [senders.thread_of[name] for name in ("first", "a", "c")]


def test_a_batch_has_its_limit(senders: Senders) -> None:
    first = senders.first()
    names = [f"number {number}" for number in range(MAX_BATCH + 6)]
    others = senders.submit(*names)
    senders.rule.go.release()
    assert outcomes([first, *others]) == [f"did {name}" for name in ("first", *names)]
    assert senders.rule.batches == [["first"], names[:MAX_BATCH], names[MAX_BATCH:]]


def test_one_batch_is_in_flight_at_a_time(senders: Senders) -> None:
    """Each batch is a transaction that ends before the next begins, so that the next sees all of it."""
    seen: list[set[str]] = []

    def then(session: Session, drafts: Sequence[str]) -> list[str]:
        seen.append(set(session.scalars(select(Head.conversation_id))))
        return store_heads(session, drafts)

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("a", "b")
    senders.rule.go.release()
    outcomes([first, *others])
    assert seen == [set(), {"first"}]


def test_a_refusal_is_raised_for_its_own_draft_alone(senders: Senders) -> None:
    senders.rule.then = lambda _, drafts: [KeyError(d) if d == "bad" else f"did {d}" for d in drafts]
    first = senders.first()
    others = senders.submit("a", "bad", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["did first", "did a", KeyError, "did b"]


def test_a_row_that_collides_does_not_harm_its_neighbours(senders: Senders) -> None:
    run(lambda session, _: store_heads(session, ["bad"]))
    senders.rule.then = store_heads
    first = senders.first()
    others = senders.submit("a", "bad", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["stored first", "stored a", IntegrityError, "stored b"]
    together = ["a", "bad", "b"]
    assert senders.rule.batches == [["first"], together, together, ["a"], ["bad"], ["bad"], ["b"]]
    assert stored() == {"first", "a", "bad", "b"}


def test_who_lost_a_race_is_tried_again_in_company(senders: Senders) -> None:
    """Another process stored the same key meanwhile: the rule finds it when it looks again."""
    tries: list[int] = []

    def then(session: Session, drafts: Sequence[str]) -> list[str]:
        tries.append(1)
        if len(tries) == 2:
            raise IntegrityError("a statement", {}, Exception("duplicate"))
        return store_heads(session, drafts)

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("a", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["stored first", "stored a", "stored b"]
    assert senders.rule.batches == [["first"], ["a", "b"], ["a", "b"]]


def test_a_full_queue_says_so_at_once(senders: Senders) -> None:
    first = senders.first()
    crowd: list[_Waiter[str, Any]] = [_Waiter(f"number {number}") for number in range(MAX_QUEUE - 1)]
    senders.queue.extend(crowd)
    last = senders.submit("the 1024th")
    with pytest.raises(QueueFull):
        senders.commits.submit("the 1025th")
    for _ in crowd:
        senders.queue.popleft()
    senders.rule.go.release()
    assert outcomes([first, *last]) == ["did first", "did the 1024th"]
    assert MAX_QUEUE == 1024
    assert senders.commits.submit("later") == "did later"
    assert senders.rule.batches == [["first"], ["the 1024th"], ["later"]]


def test_an_exception_reaches_the_whole_batch(senders: Senders) -> None:
    def then(_session: Session, drafts: Sequence[str]) -> list[str]:
        if "a" in drafts:
            raise ZeroDivisionError
        return [f"did {draft}" for draft in drafts]

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("a", "b", "c")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["did first"] + [ZeroDivisionError] * 3
    assert senders.commits.submit("later") == "did later", "nothing is stuck"


def test_a_leader_that_fails_hands_over_the_lead(senders: Senders) -> None:
    def then(_session: Session, drafts: Sequence[str]) -> list[str]:
        if "first" in drafts:
            raise ZeroDivisionError
        return [f"did {draft}" for draft in drafts]

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("a", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == [ZeroDivisionError, "did a", "did b"]


def test_a_leader_that_is_killed_takes_nobody_with_it(senders: Senders) -> None:
    def then(_session: Session, drafts: Sequence[str]) -> list[str]:
        if "a" in drafts:
            raise SystemExit
        return [f"did {draft}" for draft in drafts]

    senders.rule.then = then
    senders.rule.stops_at |= {"a"}
    first = senders.first()
    a, b = senders.submit("a", "b")
    senders.rule.go.release()
    senders.rule.wait_entered()
    (c,) = senders.submit("c")
    senders.rule.go.release()
    assert outcomes([first, a, b, c]) == ["did first", SystemExit, OutcomeUnknown, "did c"]


def test_a_rule_that_answers_too_few_leaves_nobody_waiting(senders: Senders) -> None:
    senders.rule.then = lambda _, drafts: [f"did {draft}" for draft in drafts if draft != "b"]
    first = senders.first()
    others = senders.submit("a", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["did first", ValueError, ValueError]
    assert senders.commits.submit("later") == "did later"


def test_an_unavailable_database_is_told_to_all(senders: Senders) -> None:
    def then(_session: Session, _drafts: Sequence[str]) -> list[str]:
        raise DatabaseUnavailable("away")

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("a", "again b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == [DatabaseUnavailable] * 3
    assert senders.rule.batches == [["first"], ["a", "again b"]], "nothing was stored, so nothing is looked up"


def test_whoever_waits_too_long_in_the_queue_has_stored_nothing(
    senders: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = senders.first()
    monkeypatch.setattr(group_commit, "MAX_WAIT", 0)
    (late,) = senders.submit("late")
    assert outcomes([late]) == [DatabaseUnavailable]
    senders.rule.go.release()
    assert outcomes([first]) == ["did first"]
    assert senders.commits.submit("later") == "did later"
    assert senders.rule.batches == [["first"], ["later"]]


def test_whoever_waits_too_long_for_a_batch_in_flight_knows_nothing(senders: Senders) -> None:
    senders.rule.stops_at |= {"a"}
    first = senders.first()
    a, b = senders.submit("a", "b")
    senders.rule.go.release()
    senders.rule.wait_entered()
    waiter = next(each for each in senders.queue.everyone if each.draft == "b")
    waiter.woken.set()  # as a timeout would: woken, and neither answered nor leading
    assert outcomes([b]) == [OutcomeUnknown]
    senders.rule.go.release()
    assert outcomes([first, a]) == ["did first", "did a"]


def test_after_a_lost_commit_what_may_be_repeated_is_looked_up(senders_to_mariadb: Senders) -> None:
    """The COMMIT went through and its answer did not. Rows are as a rule would find them on looking again."""
    senders = senders_to_mariadb

    def then(session: Session, drafts: Sequence[str]) -> list[str]:
        return [
            "stored" if insert_new(session, Head, {"conversation_id": draft, "shard": 0}) else "found"
            for draft in drafts
        ]

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("again a", "b", "again c")
    lost: list[int] = []

    def lose_the_second(connection: Any) -> None:
        if len(senders.rule.batches) == 2 and not lost:
            lost.append(1)
            connection.connection.dbapi_connection.commit()
            connection.connection.dbapi_connection._sock.shutdown(socket.SHUT_RDWR)

    event.listen(reserved_engine(), "commit", lose_the_second)
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["stored", "found", OutcomeUnknown, "found"]
    assert senders.rule.batches == [["first"], ["again a", "b", "again c"], ["again a"], ["again c"]]
    assert stored() == {"first", "again a", "b", "again c"}


def test_a_commit_lost_twice_stays_unknown(senders: Senders) -> None:
    def then(_session: Session, drafts: Sequence[str]) -> list[str]:
        if "again a" in drafts:
            raise OutcomeUnknown("lost")
        return [f"did {draft}" for draft in drafts]

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("again a", "again b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["did first", OutcomeUnknown, "did again b"]


class Killed(BaseException):
    """What ends a greenlet that waits."""


def test_a_waiter_that_is_killed_when_it_is_handed_the_lead_hands_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    commits: GroupCommit[str, str] = GroupCommit(lambda *_: [], repeatable=lambda _: True)
    commits._busy = True
    behind: _Waiter[str, str] = _Waiter("behind")

    def handed_the_lead_and_killed(waiter: Any, _: float) -> None:
        commits._queue[0].leads = True
        commits._queue.append(behind)
        raise Killed

    monkeypatch.setattr(threading.Event, "wait", handed_the_lead_and_killed)
    with pytest.raises(Killed):
        commits.submit("doomed")
    assert list(commits._queue) == [behind]
    assert behind.leads
    assert behind.woken.is_set()


def test_the_last_waiter_that_is_killed_leaves_nobody_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    commits: GroupCommit[str, str] = GroupCommit(lambda *_: [], repeatable=lambda _: True)
    commits._busy = True

    def handed_the_lead_and_killed(waiter: Any, _: float) -> None:
        commits._queue[0].leads = True
        raise Killed

    monkeypatch.setattr(threading.Event, "wait", handed_the_lead_and_killed)
    with pytest.raises(Killed):
        commits.submit("doomed")
    assert not commits._busy
