"""Tests that drafts that arrive during a commit share the next one, and that each sender gets its own answer."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable, OutcomeUnknown
from db.flight import Call, Rows
from db.group_commit import MAX_BATCH, MAX_QUEUE, GroupCommit, QueueFull
from db.head import Head
from db.insert_ignore import insert_new
from db.session import engine, read, reserved_engine, write
from tests.processes import PATIENCE

_ASKED = text("SELECT :name")


class Killed(BaseException):
    """The exception that ends a waiting greenlet."""


class Woken(threading.Event):
    """The event that one sender waits for. It tells the test of the wait, and `kills` ends the sender once it wakes."""

    def __init__(self, waiting: threading.Semaphore) -> None:
        super().__init__()
        self._waiting = waiting
        self.kills = False

    def wait(self, timeout: float | None = None) -> bool:
        self._waiting.release()
        woken = super().wait(timeout)
        if self.kills:
            raise Killed
        return woken

    def time_out(self) -> None:
        """End the wait as a timeout does: the sender wakes with no answer, and does not lead."""
        self.set()


class Rule:
    """A rule that answers each draft with its name and records the batches. It waits at each of `stops_at` for `go`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.again: list[bool] = []  # for each batch, whether some of it may be stored already
        self.asked: list[Sequence[Any]] = []  # for each batch, what its first call brought
        self.threads: list[threading.Thread] = []
        self.stops_at = {"first"}
        self.entered = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.then: Callable[[Session, Sequence[str]], Sequence[Any]] = lambda _, drafts: [f"did {d}" for d in drafts]

    def ask(self, drafts: Sequence[str], again: bool) -> list[Call]:
        return [Call(_ASKED, {"name": f"{len(drafts)} {again}"})]

    def store(
        self, session: Session, _now: datetime, rows: Sequence[Rows], drafts: Sequence[str], again: bool
    ) -> Sequence[Any]:
        self.batches.append(list(drafts))
        self.again.append(again)
        self.asked += [tuple(row) for (found,) in [rows] for row in found]
        self.threads.append(threading.current_thread())
        if self.stops_at.intersection(drafts):
            self.entered.release()
            assert self.go.acquire(timeout=PATIENCE)
        return self.then(session, drafts)

    def wait_entered(self) -> None:
        assert self.entered.acquire(timeout=PATIENCE)


class Senders:
    """Threads that each submit a draft and wait for its answer."""

    def __init__(self, pool: ThreadPoolExecutor, most: int) -> None:
        self.rule = Rule()
        self.woken: dict[str, Woken] = {}
        self.thread_of: dict[str, threading.Thread] = {}
        # Drafts that begin with "again" are repeatable.
        self.commits: GroupCommit[str, Any] = GroupCommit(
            self.rule.ask,
            self.rule.store,
            repeatable=lambda draft: draft.startswith("again"),
            most=most,
            event=self._event,
        )
        self._pool = pool
        self._waiting = threading.Semaphore(0)
        self._own = threading.local()

    def first(self) -> Future[Any]:
        """Submit a draft whose batch is held. Returns its future once the batch is in flight."""
        future = self._pool.submit(self._submit, "first")
        self.rule.wait_entered()
        return future

    def submit(self, *drafts: str) -> list[Future[Any]]:
        """Submit drafts one after the other while a batch is in flight. Returns their futures once all wait."""
        futures = []
        for draft in drafts:
            futures.append(self._pool.submit(self._submit, draft))
            assert self._waiting.acquire(timeout=PATIENCE)
        return futures

    def submit_all(self, *drafts: str) -> Future[Any]:
        """Submit drafts together while a batch is in flight. Returns the future of their answers once they wait."""
        future = self._pool.submit(self._submit_all, drafts)
        assert self._waiting.acquire(timeout=PATIENCE)
        return future

    def _submit(self, draft: str) -> Any:
        self.thread_of[draft] = threading.current_thread()
        self._own.draft = draft
        return self.commits.submit(draft)

    def _submit_all(self, drafts: Sequence[str]) -> Any:
        self._own.draft = drafts[0]
        return self.commits.submit_all(drafts)

    def _event(self) -> threading.Event:
        woken = Woken(self._waiting)
        self.woken[getattr(self._own, "draft", "")] = woken
        return woken


def outcomes(futures: Sequence[Future[Any]]) -> list[Any]:
    """Returns the answer of each future, or the type of its exception."""
    return [type(error) if (error := future.exception(PATIENCE)) else future.result() for future in futures]


def store_heads(session: Session, drafts: Sequence[str]) -> list[str]:
    """Insert a row for each draft. Raises IntegrityError, for the whole batch, when one is there already."""
    session.execute(insert(Head), [{"conversation_id": draft, "shard": 0} for draft in drafts])
    return [f"stored {draft}" for draft in drafts]


def stored() -> set[str]:
    return set(read(lambda session, _: session.scalars(select(Head.conversation_id)).all()))


@contextmanager
def sending(most: int = MAX_QUEUE) -> Iterator[Senders]:
    with ThreadPoolExecutor(MAX_BATCH + 10) as pool:
        senders = Senders(pool, most)
        yield senders
        senders.rule.go.release(100)


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
    """Each batch is a transaction that ends before the next begins, so the next sees all its rows."""
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
    write(lambda session, _: store_heads(session, ["bad"]))
    senders.rule.then = store_heads
    first = senders.first()
    others = senders.submit("a", "bad", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["stored first", "stored a", IntegrityError, "stored b"]
    together = ["a", "bad", "b"]
    assert senders.rule.batches == [["first"], together, together, together, ["a"], ["bad"], ["bad"], ["b"]]
    assert senders.rule.again == [False, False] + [True] * 6, "what may be stored already is then looked for"
    assert stored() == {"first", "a", "bad", "b"}


@pytest.mark.parametrize("lost", [1, 2])
def test_who_lost_a_race_is_tried_again_in_company(senders: Senders, lost: int) -> None:
    """Another process stored the same key before, or a second one meanwhile, and the rule finds it when it looks."""
    tries: list[int] = []

    def then(session: Session, drafts: Sequence[str]) -> list[str]:
        tries.append(1)
        if 2 <= len(tries) < 2 + lost:
            raise IntegrityError("a statement", {}, Exception("duplicate"))
        return store_heads(session, drafts)

    senders.rule.then = then
    first = senders.first()
    others = senders.submit("a", "b")
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["stored first", "stored a", "stored b"]
    assert senders.rule.batches == [["first"]] + [["a", "b"]] * (lost + 1)
    assert senders.rule.again == [False, False] + [True] * lost


def test_the_first_calls_are_answered_before_the_rule_begins(senders: Senders) -> None:
    first = senders.first()
    others = senders.submit("a", "b")
    senders.rule.go.release()
    outcomes([first, *others])
    assert senders.rule.asked == [("1 False",), ("2 False",)]


def test_a_full_queue_says_so_at_once(database: str) -> None:
    with sending(most=2) as senders:
        first = senders.first()
        waiting = senders.submit("a", "b")
        with pytest.raises(QueueFull):
            senders.commits.submit("one too many")
        senders.rule.go.release()
        assert outcomes([first, *waiting]) == ["did first", "did a", "did b"]
        assert senders.commits.submit("later") == "did later"
        assert senders.rule.batches == [["first"], ["a", "b"], ["later"]]


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


def test_whoever_waits_too_long_in_the_queue_has_stored_nothing(senders: Senders) -> None:
    first = senders.first()
    (late,) = senders.submit("late")
    senders.woken["late"].time_out()
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
    senders.woken["b"].time_out()
    assert outcomes([b]) == [OutcomeUnknown]
    senders.rule.go.release()
    assert outcomes([first, a]) == ["did first", "did a"]


def test_after_a_lost_commit_what_may_be_repeated_is_looked_up(senders_to_mariadb: Senders) -> None:
    """The COMMIT reached the server but its answer was lost, so a repeated rule finds the rows."""
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
            with engine().connect() as other:
                other.exec_driver_sql(f"KILL {connection.connection.dbapi_connection.thread_id()}")

    event.listen(reserved_engine(), "commit", lose_the_second)
    senders.rule.go.release()
    assert outcomes([first, *others]) == ["stored", "found", OutcomeUnknown, "found"]
    assert senders.rule.batches == [["first"], ["again a", "b", "again c"], ["again a"], ["again c"]]
    assert senders.rule.again == [False, False, True, True]
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


def test_a_waiter_that_is_killed_when_it_is_handed_the_lead_hands_it_on(senders: Senders) -> None:
    first = senders.first()
    doomed, behind = senders.submit("doomed", "behind")
    senders.woken["doomed"].kills = True
    senders.rule.go.release()
    assert outcomes([first, doomed, behind]) == ["did first", Killed, "did behind"]
    assert senders.rule.batches == [["first"], ["behind"]]


def test_the_last_waiter_that_is_killed_leaves_nobody_busy(senders: Senders) -> None:
    first = senders.first()
    (doomed,) = senders.submit("doomed")
    senders.woken["doomed"].kills = True
    senders.rule.go.release()
    assert outcomes([first, doomed]) == ["did first", Killed]
    assert senders.commits.submit("later") == "did later"
    assert senders.rule.batches == [["first"], ["later"]]


def test_a_waiter_that_is_killed_in_the_queue_is_not_stored(senders: Senders) -> None:
    first = senders.first()
    doomed, behind = senders.submit("doomed", "behind")
    senders.woken["doomed"].kills = True
    senders.woken["doomed"].set()
    assert outcomes([doomed]) == [Killed]
    senders.rule.go.release()
    assert outcomes([first, behind]) == ["did first", "did behind"]
    assert senders.rule.batches == [["first"], ["behind"]]


def numbered(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def test_what_one_caller_submits_together_is_committed_together(senders: Senders) -> None:
    assert senders.commits.submit_all(["a", "b"]) == ["did a", "did b"]
    first = senders.first()
    (before,) = senders.submit("before")
    together = senders.submit_all("a", "b", "c")
    (behind,) = senders.submit("behind")
    senders.rule.go.release()
    assert outcomes([first, before, together, behind]) == [
        *("did first", "did before"),
        ["did a", "did b", "did c"],
        "did behind",
    ]
    assert senders.rule.batches == [["a", "b"], ["first"], ["before", "a", "b", "c", "behind"]]


def test_each_of_them_has_its_own_answer(senders: Senders) -> None:
    senders.rule.then = lambda _, drafts: [KeyError(d) if d == "bad" else f"did {d}" for d in drafts]
    good, bad, last = senders.commits.submit_all(["a", "bad", "b"])
    assert (good, type(bad), last) == ("did a", KeyError, "did b")


def test_who_has_no_room_in_a_batch_begins_the_next_and_is_not_overtaken(senders: Senders) -> None:
    first = senders.first()
    one, other = numbered("one ", MAX_BATCH // 2 + 1), numbered("other ", MAX_BATCH // 2)
    together = [senders.submit_all(*drafts) for drafts in (one, other)]
    (behind,) = senders.submit("behind")
    senders.rule.go.release()
    assert outcomes([first, *together, behind]) == [
        "did first",
        *([f"did {draft}" for draft in drafts] for drafts in (one, other)),
        "did behind",
    ]
    assert senders.rule.batches == [["first"], one, [*other, "behind"]]


def test_those_submitted_together_need_a_place_each(database: str) -> None:
    with sending(most=3) as senders:
        first = senders.first()
        together = senders.submit_all("a", "b")
        with pytest.raises(QueueFull):
            senders.commits.submit_all(["c", "d"])
        (last,) = senders.submit("last")
        senders.woken["a"].time_out()
        assert [type(error) for error in together.result(PATIENCE)] == [DatabaseUnavailable] * 2
        others = senders.submit_all("c", "d")
        senders.rule.go.release()
        assert outcomes([first, last, others]) == ["did first", "did last", ["did c", "did d"]]
        assert senders.commits.submit_all(["e", "f", "g"]) == ["did e", "did f", "did g"], "all places are free again"
        assert senders.rule.batches == [["first"], ["last", "c", "d"], ["e", "f", "g"]]


def test_no_more_can_be_submitted_together_than_go_into_a_batch(senders: Senders) -> None:
    for drafts in ([], numbered("", MAX_BATCH + 1)):
        with pytest.raises(ValueError, match="room"):
            senders.commits.submit_all(drafts)
    assert len(senders.commits.submit_all(numbered("", MAX_BATCH))) == MAX_BATCH


def test_those_submitted_together_share_the_fate_of_a_batch_that_fails(senders: Senders) -> None:
    write(lambda session, _: store_heads(session, ["bad"]))
    senders.rule.then = store_heads
    a, bad, b = senders.commits.submit_all(["a", "bad", "b"])
    assert (a, type(bad), b) == ("stored a", IntegrityError, "stored b")
    senders.rule.then = lambda _, drafts: [f"did {draft}" for draft in drafts[1:]]
    assert [type(each) for each in senders.commits.submit_all(["c", "d"])] == [ValueError, ValueError]
