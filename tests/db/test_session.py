"""Tests of `read` and `write` under locks, lost connections and wrong clocks."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable, OutcomeUnknown
from db.head import Head
from db.session import engine, read, write
from tests import databases
from tests.processes import PATIENCE, free_port


def add(session: Session, name: str) -> None:
    session.execute(insert(Head), [{"conversation_id": name, "shard": 0, "last_seq": 0, "change_seq": 0}])


def heads() -> dict[str, int]:
    """Returns the last_seq of each conversation's head, by conversation id."""
    return dict(read(lambda s, _: s.execute(select(Head.conversation_id, Head.last_seq)).tuples().all()))


def raise_seq(session: Session, name: str) -> None:
    session.execute(update(Head).where(Head.conversation_id == name).values(last_seq=Head.last_seq + 1))


@contextmanager
def hearing(name: str, hear: Callable[..., None]) -> Iterator[None]:
    """Call `hear` at each engine event of a name, as long as the block runs."""
    event.listen(engine(), name, hear)
    try:
        yield
    finally:
        event.remove(engine(), name, hear)


def kill(connection: Any) -> None:
    """Kill a MariaDB connection from another one."""
    number = connection.connection.dbapi_connection.thread_id()
    with engine().connect() as other:
        other.exec_driver_sql(f"KILL {number}")


def failing_with(message: str) -> Callable[[], OperationalError]:
    return lambda: OperationalError("a statement", {}, Exception(message))


class Stubborn:
    """A rule that adds a row, and raises the given number of times before it succeeds."""

    def __init__(self, failures: int, error: Callable[[], Exception]) -> None:
        self.sessions: list[Session] = []
        self._failures = failures
        self._error = error

    def __call__(self, session: Session, _now: datetime) -> str:
        self.sessions.append(session)
        add(session, f"attempt {len(self.sessions)}")
        if len(self.sessions) <= self._failures:
            raise self._error()
        return "done"


def test_what_a_rule_returns_is_returned_once_it_is_committed(any_database: str) -> None:
    assert write(lambda session, _: add(session, "1_2") or "done") == "done"
    assert heads() == {"1_2": 0}


def test_what_a_rule_added_to_the_session_is_written(any_database: str) -> None:
    write(lambda session, _: session.add(Head(conversation_id="1_2", shard=0)))
    assert heads() == {"1_2": 0}


def test_a_rule_that_raises_stores_nothing(any_database: str) -> None:
    with pytest.raises(KeyError):
        write(Stubborn(9, KeyError))
    assert heads() == {}


def test_an_integrity_error_is_the_rules_own(any_database: str) -> None:
    with pytest.raises(IntegrityError):
        write(lambda session, _: [add(session, "1_2") for _ in range(2)])
    assert heads() == {}


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_lost_fight_is_fought_again_from_the_start(database: str, failures: int) -> None:
    rule = Stubborn(failures, failing_with("database is locked"))
    assert write(rule) == "done"
    assert len(set(map(id, rule.sessions))) == len(rule.sessions) == failures + 1
    assert heads() == {f"attempt {failures + 1}": 0}, "nothing is left of the others"


def test_the_fourth_rerun_is_not_tried(database: str) -> None:
    rule = Stubborn(9, failing_with("database is locked"))
    with pytest.raises(DatabaseUnavailable) as caught:
        write(rule)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert len(rule.sessions) == 4
    assert heads() == {}


def test_another_failure_is_not_tried_again(database: str) -> None:
    rule = Stubborn(9, failing_with("disk I/O error"))
    with pytest.raises(DatabaseUnavailable):
        write(rule)
    assert len(rule.sessions) == 1


def test_of_a_deadlock_both_sides_come_out_whole(mariadb_database: str) -> None:
    for name in ("a", "b"):
        write(lambda session, _, name=name: add(session, name))
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Session, datetime], None]:
        def rule(session: Session, _now: datetime) -> None:
            attempts.append(first)
            raise_seq(session, first)
            if attempts.count(first) == 1:
                both_hold_one.wait(PATIENCE)
            raise_seq(session, second)

        return rule

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(write, crossing("a", "b")), pool.submit(write, crossing("b", "a"))]:
            done.result(PATIENCE)
    assert len(attempts) == 3, "one of them had to begin again"
    assert heads() == {"a": 2, "b": 2}


def test_a_connection_lost_before_commit_is_replaced(mariadb_database: str) -> None:
    attempts: list[int] = []

    def rule(session: Session, _now: datetime) -> None:
        attempts.append(1)
        add(session, "1_2")
        if len(attempts) == 1:
            kill(session.connection())
        raise_seq(session, "1_2")

    write(rule)
    assert len(attempts) == 2
    assert heads() == {"1_2": 1}


def test_a_connection_that_died_in_the_pool_is_replaced(mariadb_database: str) -> None:
    write(lambda session, _: session.connection().exec_driver_sql(f"SET @mark = {1}"))
    with engine().connect() as connection:
        number = connection.connection.dbapi_connection.thread_id()
    with engine().connect() as pooled, engine().connect() as other:
        assert pooled.connection.dbapi_connection.thread_id() == number
        other.exec_driver_sql(f"KILL {number}")
    write(lambda session, _: add(session, "1_2"))
    assert heads() == {"1_2": 0}


def test_a_connection_lost_at_commit_leaves_the_outcome_unknown(mariadb_database: str) -> None:
    rule = Stubborn(0, KeyError)
    with hearing("commit", kill), pytest.raises(OutcomeUnknown):
        write(rule)
    assert len(rule.sessions) == 1, "it may be stored, so it is not run again"
    assert heads() == {}, "this time it was not"


def test_a_commit_whose_answer_was_lost_leaves_the_outcome_unknown(mariadb_database: str) -> None:
    def commit_and_hang_up(connection: Any) -> None:
        connection.connection.dbapi_connection.commit()
        kill(connection)

    rule = Stubborn(0, KeyError)
    with hearing("commit", commit_and_hang_up), pytest.raises(OutcomeUnknown):
        write(rule)
    assert len(rule.sessions) == 1
    assert heads() == {"attempt 1": 0}, "this time it was"


def test_a_server_that_is_not_there_is_unavailable() -> None:
    rule = Stubborn(0, KeyError)
    nowhere = f"mysql+pymysql://root@127.0.0.1:{free_port()}/im"
    with databases.configured(nowhere), pytest.raises(DatabaseUnavailable) as caught:
        write(rule)
    assert not isinstance(caught.value, OutcomeUnknown), "nothing can have been stored"
    assert rule.sessions == []


def test_the_time_is_the_databases(any_database: str) -> None:
    """Every new connection's clock is set to the 9th of September 2001, which no other clock says."""

    def turn_back(connection: Any, _record: Any) -> None:
        if engine().dialect.name == "sqlite":
            connection.create_function("strftime", -1, lambda *_: "2001-09-09 01:46:40")
        else:
            connection.cursor().execute("SET timestamp = 1000000000")

    with hearing("connect", turn_back):
        assert write(lambda _, now: now) == datetime(2001, 9, 9, 1, 46, 40)  # noqa: DTZ001 - naive UTC
    engine().dispose()


def test_the_time_is_utc_in_whole_seconds(any_database: str) -> None:
    def rule(session: Session, now: datetime) -> tuple[datetime, str]:
        utc = {"sqlite": "datetime('now')"}.get(engine().dialect.name, "CAST(UTC_TIMESTAMP() AS CHAR)")
        return now, session.scalar(text(f"SELECT {utc}"))

    now, theirs = write(rule)
    assert (now.tzinfo, now.microsecond) == (None, 0)
    assert 0 <= (datetime.fromisoformat(theirs) - now).total_seconds() < PATIENCE


def test_a_writer_of_sqlite_waits_for_another(database: str) -> None:
    write(lambda session, _: add(session, "1_2"))
    writing, asked = threading.Event(), threading.Event()
    order: list[str] = []

    def first(session: Session, _now: datetime) -> None:
        raise_seq(session, "1_2")
        writing.set()
        assert asked.wait(PATIENCE)
        order.append("first")

    def second(session: Session, _now: datetime) -> None:
        order.append("second")
        raise_seq(session, "1_2")

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement == "BEGIN IMMEDIATE" and writing.is_set():
            asked.set()

    with hearing("before_cursor_execute", hear), ThreadPoolExecutor() as pool:
        one = pool.submit(write, first)
        assert writing.wait(PATIENCE)
        other = pool.submit(write, second)
        one.result(PATIENCE)
        other.result(PATIENCE)
    assert order == ["first", "second"]
    assert heads() == {"1_2": 2}


def test_a_reader_of_sqlite_waits_for_nobody(database: str) -> None:
    write(lambda session, _: add(session, "1_2"))

    def rule(session: Session, _now: datetime) -> dict[str, int]:
        raise_seq(session, "1_2")
        return heads()

    assert write(rule) == {"1_2": 0}, "what is not committed yet is not seen"


def test_a_plain_read_sees_what_a_locking_one_sees(mariadb_database: str) -> None:
    write(lambda session, _: add(session, "1_2"))

    def rule(session: Session, _now: datetime) -> list[int]:
        question = select(Head.last_seq)
        before = session.scalar(question)
        write(lambda other, _: raise_seq(other, "1_2"))
        return [before, session.scalar(question), session.scalar(question.with_for_update())]

    assert write(rule) == [0, 1, 1]


def test_sqlite_is_as_durable_as_it_can_be(database: str) -> None:
    found = write(lambda s, _: [s.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")])
    assert found == ["wal", 2]


def test_mariadb_is_strict_and_speaks_utc(mariadb_database: str) -> None:
    mode, zone = write(lambda session, _: session.execute(text("SELECT @@sql_mode, @@time_zone")).one())
    assert "STRICT_ALL_TABLES" in mode
    assert zone == "+00:00"


def test_a_lock_that_was_not_given_in_time_is_waited_for_again(mariadb_database: str) -> None:
    """After error 1205 half of the transaction still stands, and must be rolled back before it begins again."""
    for name in ("mine", "theirs"):
        write(lambda session, _, name=name: add(session, name))
    attempts: list[int] = []
    impatient = hearing("connect", lambda connection, _: connection.query("SET innodb_lock_wait_timeout = 1"))
    with engine().connect() as holder, impatient:
        holder.execute(select(Head).where(Head.conversation_id == "theirs").with_for_update())

        def rule(session: Session, _now: datetime) -> str:
            attempts.append(1)
            raise_seq(session, "mine")
            if len(attempts) == 2:
                holder.rollback()
            raise_seq(session, "theirs")
            return "done"

        assert write(rule) == "done"
    engine().dispose()
    assert len(attempts) == 2
    assert heads() == {"mine": 1, "theirs": 1}


@pytest.mark.parametrize("written", [False, True], ids=["locked", "written"])
def test_a_transaction_that_nobody_goes_on_with_is_ended_by_the_server(mariadb_database: str, *, written: bool) -> None:
    """An unreachable process would keep its locks until TCP gives up. The test cuts the server's timeout to a tenth."""
    write(lambda session, _: add(session, "1_2"))
    hasten = "SET idle_transaction_timeout = @@idle_transaction_timeout DIV 10, innodb_lock_wait_timeout = 1"
    engine().dispose()
    with hearing("connect", lambda connection, _: connection.query(hasten)), engine().connect() as abandoned:
        abandoned.execute(select(Head).with_for_update())
        if written:
            abandoned.execute(update(Head).values(last_seq=7))
        write(lambda session, _: raise_seq(session, "1_2"))
        abandoned.invalidate()
    engine().dispose()
    assert heads() == {"1_2": 1}
