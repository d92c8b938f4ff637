"""Tests that statements in flight are answered as SQLAlchemy answers them one by one, whatever befalls them."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    event,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.errors import DatabaseUnavailable, OutcomeUnknown
from db.flight import Call, fly
from db.head import Head
from db.insert_ignore import insert_ignore_call
from db.message import Message
from db.outbox import OutboxEvent
from db.session import engine, read, write
from db.write_rows import write_rows_call
from tests.processes import PATIENCE, wait_until

HEADS, MESSAGES, EVENTS, ROWS = table(Head), table(Message), table(OutboxEvent), table(Conversation)
LEAP = datetime(2020, 2, 29, 23, 59, 59)  # noqa: DTZ001 - naive UTC
ONE = Call(text("SELECT 1"))
_WAITING = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
ODD = [
    "",
    " ",
    "it's",
    'say "x"',
    "back\\slash",
    "\\",
    "\\'",
    "'; DROP TABLE im_message; -- ",
    "a\x00b\x1a\r\n\t",
    "100% %s %(name)s %%",
    ":name ? {} $1",
    "😀 消息 \u2028 é",
    "`tick` /* comment */ # --",
    "1' OR '1'='1",
]


def head(name: str, seq: int = 0) -> dict[str, Any]:
    return {"conversation_id": name, "shard": 3, "last_seq": seq, "change_seq": seq}


def message(seq: int, **fields: Any) -> dict[str, Any]:
    """Returns a row of im_message, with a value for each column that has no default."""
    return {
        "conversation_id": "1_2",
        "seq": seq,
        "change_seq": seq,
        "from_user_id": 1,
        "to_user_id": 2,
        "message_type": 1,
        "content": "hello",
        "extra": None,
        "create_time": LEAP,
        "update_time": LEAP,
        "client_msg_id": None,
        "body_hash": None,
    } | fields


def raising(name: str) -> Call:
    """Returns the call that raises the last_seq of a head."""
    return Call(_RAISE, {"name": name})


_RAISE = update(HEADS).where(HEADS.c.conversation_id == bindparam("name")).values(last_seq=HEADS.c.last_seq + 1)


def flown(*calls: Call) -> list[Any]:
    """Fly the calls in a transaction of their own. Returns the rows of each."""
    return write(lambda session, _: fly(session, *calls))


def in_turn(statement: Executable, parameters: Any = None) -> Sequence[Any]:
    """Returns what SQLAlchemy answers to a statement."""
    return read(lambda session, _: session.execute(statement, parameters).all())


def names_of(statement: Executable, parameters: Any) -> list[str]:
    """Returns the names that SQLAlchemy gives the columns of its answer."""
    return read(lambda session, _: list(session.execute(statement, parameters).keys()))


def seqs() -> dict[str, int]:
    """Returns the last_seq of each head."""
    return dict(in_turn(select(HEADS.c.conversation_id, HEADS.c.last_seq)))


@pytest.fixture
def heads(mariadb_database: str) -> None:
    """Store the heads `a`, `b` and `c`."""
    flown(Call(insert(HEADS), [head(name) for name in "abc"]))


@contextmanager
def held(name: str) -> Iterator[Any]:
    """Lock a head from another connection. Yields the connection."""
    with engine().connect() as holder:
        holder.execute(select(HEADS).where(HEADS.c.conversation_id == name).with_for_update())
        yield holder


def somebody_waits(observer: Any) -> Callable[[], bool]:
    return lambda: bool(int(observer.exec_driver_sql(_WAITING).one()[1]))


# What is asked, and what is answered


def test_answers_come_in_the_order_of_the_calls(any_database: str) -> None:
    nothing, found, one, changed, last = flown(
        Call(insert(HEADS), [head(name) for name in "ab"]),
        Call(select(HEADS.c.conversation_id, HEADS.c.last_seq).order_by(HEADS.c.conversation_id)),
        ONE,
        raising("a"),
        Call(select(HEADS.c.last_seq).where(HEADS.c.conversation_id == bindparam("name")), {"name": "a"}),
    )
    assert (nothing, changed) == ([], [])
    assert [(row.conversation_id, row.last_seq) for row in found] == [("a", 0), ("b", 0)]
    assert (one[0][0], last[0].last_seq) == (1, 1)


@pytest.mark.parametrize("content", ODD, ids=ascii)
def test_a_value_is_a_value_whatever_it_says(any_database: str, content: str) -> None:
    asked = select(MESSAGES.c.seq, MESSAGES.c.content).where(MESSAGES.c.content.in_(bindparam("of", expanding=True)))
    flown(
        Call(insert(MESSAGES), [message(1, content=content), message(2, content=f"{content}+{content}")]),
        Call(insert(MESSAGES), message(3, content=content)),
    )
    found, ((count,),) = flown(Call(asked, {"of": [content, "no"]}), Call(select(func.count(MESSAGES.c.id))))
    assert [tuple(row) for row in found] == [(1, content), (3, content)]
    assert count == 3


@pytest.mark.parametrize("value", [b"\x00\xff'\\\"%s\n", bytes(range(8)), bytes(8)], ids=repr)
def test_bytes_stay_bytes(any_database: str, value: bytes) -> None:
    flown(Call(insert(MESSAGES), [message(1, body_hash=value)]))
    ((found,),) = flown(Call(select(MESSAGES.c.body_hash).where(MESSAGES.c.body_hash == value)))
    assert found == (value,)


IN_NAMES = MESSAGES.c.conversation_id.in_(bindparam("names", expanding=True))
IN_PAIRS = tuple_(MESSAGES.c.conversation_id, MESSAGES.c.seq).in_(bindparam("pairs", expanding=True))
ASKED: dict[str, tuple[Executable, Any]] = {
    "every column of a message": (select(*MESSAGES.c), None),
    "every column of an event": (select(*EVENTS.c), None),
    "every column of a row": (select(*ROWS.c), None),
    "a list": (select(MESSAGES.c.seq).where(IN_NAMES), {"names": ["1_2", "no"]}),
    "a long list": (select(MESSAGES.c.seq).where(IN_NAMES), {"names": [*map(str, range(500)), "1_2"]}),
    "an empty list": (select(MESSAGES.c.seq).where(IN_NAMES), {"names": []}),
    "not in an empty list": (select(MESSAGES.c.seq).where(~IN_NAMES), {"names": []}),
    "pairs": (select(MESSAGES.c.seq).where(IN_PAIRS), {"pairs": [("1_2", 2), ("1_2", 3), ("no", 1)]}),
    "one pair": (select(MESSAGES.c.seq).where(IN_PAIRS), {"pairs": [("1_2", 2)]}),
    "no pair": (select(MESSAGES.c.seq).where(IN_PAIRS), {"pairs": []}),
    "two lists": (select(MESSAGES.c.seq).where(IN_PAIRS, IN_NAMES), {"names": ["1_2"], "pairs": [("1_2", 2)]}),
    "one list twice": (select(MESSAGES.c.seq).where(IN_NAMES, MESSAGES.c.id.in_(select(MESSAGES.c.id).where(IN_NAMES))),
        {"names": ["1_2", "no"]}),
    "a list in the statement": (select(MESSAGES.c.seq).where(MESSAGES.c.seq.in_([2, 3])), None),
    "a value in the statement": (select(MESSAGES.c.seq).where(MESSAGES.c.seq > 1), None),
    "a limit": (select(MESSAGES.c.seq).order_by(MESSAGES.c.seq).limit(bindparam("limit")), {"limit": 2}),
    "a truth": (select(EVENTS.c.applied).where(EVENTS.c.applied == bindparam("applied")), {"applied": False}),
    "a time": (select(MESSAGES.c.create_time).where(MESSAGES.c.create_time == bindparam("at")), {"at": LEAP}),
    "a sum": (select(func.sum(MESSAGES.c.seq), func.max(MESSAGES.c.create_time), func.count().label("many")), None),
    "a pattern": (select(MESSAGES.c.content).where(MESSAGES.c.content.like("%el%")), None),
    "a name with a percent sign": (select(MESSAGES.c.seq.label("100%")), None),
    "text": (text("SELECT seq, content FROM im_message WHERE seq = :seq AND content LIKE '%l%'"), {"seq": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_rows_are_those_of_sqlalchemy(any_database: str, name: str) -> None:
    row = {"user_id": 1, "conversation_id": "1_2", "friend_id": 2, "last_seq": 9, "is_top": True}
    occurred = {"shard": 1, "conversation_id": "1_2", "kind": 1, "message_id": 7, "create_time": LEAP}
    flown(
        Call(insert(MESSAGES), [message(seq, body_hash=bytes(range(8)), extra="{}") for seq in (1, 2, 3)]),
        Call(insert(EVENTS), [occurred | {"applied": applied} for applied in (False, True)]),
        Call(insert(ROWS), [row | {"create_time": LEAP, "update_time": LEAP}]),
    )
    statement, parameters = ASKED[name]
    expected = in_turn(statement, parameters)
    _, found, _ = flown(ONE, Call(statement, parameters), ONE)
    assert [tuple(each) for each in found] == [tuple(each) for each in expected]
    assert [list(map(type, each)) for each in found] == [list(map(type, each)) for each in expected]
    for key in filter(str.isidentifier, names_of(statement, parameters)):
        assert [getattr(mine, key) for mine in found] == [getattr(theirs, key) for theirs in expected]


def test_a_column_without_a_value_gets_its_default(any_database: str) -> None:
    flown(Call(insert(MESSAGES), [message(1)]), Call(insert(HEADS), {"conversation_id": "a", "shard": 3}))
    assert in_turn(select(MESSAGES.c.status, MESSAGES.c.version, MESSAGES.c.delete_time)) == [(1, 0, None)]
    assert seqs() == {"a": 0}


def test_inserted_rows_are_told(mariadb_database: str) -> None:
    if not write(lambda session, _: session.connection().dialect.insert_returning):
        pytest.skip("MySQL has no RETURNING")
    told = insert(MESSAGES).returning(MESSAGES.c.id, MESSAGES.c.seq, MESSAGES.c.body_hash)
    (found,) = flown(Call(told, [message(seq, body_hash=bytes([seq] * 8)) for seq in (5, 6)]))
    assert [(row.seq, row.body_hash) for row in found] == [(5, b"\5" * 8), (6, b"\6" * 8)]
    assert [(row.id, row.seq) for row in found] == in_turn(select(MESSAGES.c.id, MESSAGES.c.seq))


def test_rows_are_written_and_inserted_with_others(any_database: str) -> None:
    def rule(session: Session, _now: datetime) -> None:
        fly(session, Call(insert(HEADS), [head("a"), head("b")]))
        written = write_rows_call(session, Head, [head("a", 7), head("b", 8)], ("last_seq",))
        fly(session, written, insert_ignore_call(session, Head, [head("b", 99), head("c", 9)]))

    write(rule)
    assert seqs() == {"a": 7, "b": 8, "c": 9}
    assert in_turn(select(HEADS.c.change_seq).order_by(HEADS.c.conversation_id)) == [(0,), (0,), (9,)]


COMPUTED = Table(
    "im_conversation_head",
    MetaData(),
    Column("conversation_id", String(64)),
    Column("shard", Integer, default=lambda: 3),
)
REFUSED: dict[str, Call] = {
    "a default that is computed": Call(insert(COMPUTED), [{"conversation_id": "d"}]),
    "a missing value": Call(_RAISE, {}),
    "another value": Call(_RAISE, {"names": "a"}),
    "a missing list": Call(select(HEADS.c.shard).where(HEADS.c.shard.in_(bindparam("of", expanding=True))), {}),
    "rows of different columns": Call(insert(HEADS), [head("d"), {"conversation_id": "e", "shard": 1}]),
    "a row with a column more": Call(insert(HEADS), [{"conversation_id": "d", "shard": 1}, head("e")]),
    "a column that there is not": Call(insert(HEADS), [head("d") | {"colour": 1}]),
    "many at once that are no rows": Call(_RAISE, [{"name": "a"}, {"name": "b"}]),
    "an expression": Call(insert(HEADS).values(last_seq=func.length("abc")), [{"conversation_id": "d", "shard": 1}]),
    "a value that is computed": Call(select(HEADS.c.shard).where(HEADS.c.shard == bindparam("n", callable_=int))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_is_refused_and_not_left_out(heads: None, name: str) -> None:
    with pytest.raises((TypeError, KeyError)):
        flown(REFUSED[name])
    assert seqs() == dict.fromkeys("abc", 0)


def test_a_packet_holds_one_statement(heads: None) -> None:
    with pytest.raises(ProgrammingError):
        flown(ONE, Call(text("DELETE FROM im_conversation_head; SELECT 1")))
    assert len(seqs()) == 3


def test_a_flight_is_one_execution(heads: None) -> None:
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(engine(), "before_cursor_execute", hear)
    flown(ONE, raising("a"))
    event.remove(engine(), "before_cursor_execute", hear)
    assert heard[1:] == ["SELECT 1; UPDATE im_conversation_head SET last_seq=(im_conversation_head.last_seq + "
        "%(last_seq_1)s) WHERE im_conversation_head.conversation_id = %(name)s"]  # fmt: skip


def test_large_questions_and_answers_do_not_wait_for_each_other(mariadb_database: str) -> None:
    asked = text("SELECT REPEAT('y', 1000000), LENGTH(:given), :number")
    sizes = [1_000_000 - 33_000 * number for number in range(30)]
    found = flown(*[Call(asked, {"given": "x" * size, "number": size}) for size in sizes])
    assert [(len(row[0]), row[1], row[2]) for (row,) in found] == [(1_000_000, size, size) for size in sizes]


def test_many_small_questions_with_large_answers_do_not_wait_for_each_other(mariadb_database: str) -> None:
    asked = text("SELECT REPEAT('y', 500000), :given")
    found = flown(*[Call(asked, {"given": "x" * 5_000}) for _ in range(100)])
    assert [(len(row[0]), len(row[1])) for (row,) in found] == [(500_000, 5_000)] * 100


# What befalls a flight


def test_the_first_error_is_raised_and_nothing_stays(heads: None) -> None:
    too_long = Call(insert(HEADS), [head("x" * 100)])
    with pytest.raises(IntegrityError) as caught:
        flown(raising("a"), Call(insert(HEADS), [head("b")]), too_long, raising("c"))
    assert caught.value.orig is not None
    assert caught.value.orig.args[0] == 1062
    assert not caught.value.connection_invalidated
    with pytest.raises(DataError):
        flown(too_long, Call(insert(HEADS), [head("b")]))
    assert seqs() == dict.fromkeys("abc", 0)


def test_after_an_error_the_next_flight_gets_its_own_answers(heads: None) -> None:
    def rule(session: Session, _now: datetime) -> list[Any]:
        with pytest.raises(IntegrityError):
            fly(session, ONE, Call(insert(HEADS), [head("b")]), Call(text("SELECT 2")))
        return fly(session, Call(text("SELECT 3")), Call(text("SELECT 4")))

    assert [tuple(row) for (row,) in write(rule)] == [(3,), (4,)]


def test_an_error_tells_no_value(heads: None) -> None:
    with pytest.raises(DBAPIError) as caught:
        flown(ONE, Call(text("SELECT :secret FROM nowhere"), {"secret": "hunter2"}))
    assert "nowhere" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_of_a_deadlock_in_flight_both_sides_come_out_whole(heads: None) -> None:
    both_hold_one = threading.Barrier(2)
    attempts: list[str] = []

    def crossing(first: str, second: str) -> Callable[[Session, datetime], None]:
        def rule(session: Session, _now: datetime) -> None:
            attempts.append(first)
            fly(session, ONE, raising(first))
            if attempts.count(first) == 1:
                both_hold_one.wait(PATIENCE)
            fly(session, ONE, raising(second), raising("c"))

        return rule

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(write, crossing("a", "b")), pool.submit(write, crossing("b", "a"))]:
            done.result(PATIENCE)
    assert len(attempts) == 3, "one of them had to begin again"
    assert seqs() == {"a": 2, "b": 2, "c": 2}


def test_a_lock_that_a_flight_did_not_get_in_time_is_waited_for_again(heads: None) -> None:
    attempts: list[int] = []
    with held("b") as holder:

        def rule(session: Session, _now: datetime) -> None:
            attempts.append(1)
            if len(attempts) == 2:
                holder.rollback()
            fly(session, Call(text("SET innodb_lock_wait_timeout = 1")), raising("a"), raising("b"), raising("c"))

        write(rule)
    engine().dispose()
    assert len(attempts) == 2
    assert seqs() == {"a": 1, "b": 1, "c": 1}


def test_a_connection_lost_in_flight_is_replaced(heads: None) -> None:
    attempts: list[int] = []

    def rule(session: Session, _now: datetime) -> None:
        (((number,),),) = fly(session, Call(text("SELECT CONNECTION_ID()")))
        attempts.append(number)
        fly(session, raising("a"), raising("b"), raising("c"))

    with ThreadPoolExecutor() as pool, held("b") as holder:
        done = pool.submit(write, rule)
        wait_until(somebody_waits(holder), "the flight to wait for the lock")
        with engine().connect() as other:
            other.exec_driver_sql(f"KILL {attempts[0]}")
        wait_until(lambda: len(attempts) == 2, "the flight to begin again")
        holder.rollback()
        done.result(PATIENCE)
    assert attempts[0] != attempts[1]
    assert seqs() == {"a": 1, "b": 1, "c": 1}


def test_a_connection_that_is_lost_each_time_is_unavailable(heads: None) -> None:
    attempts: list[int] = []

    def rule(session: Session, _now: datetime) -> None:
        attempts.append(1)
        fly(session, raising("a"), Call(text("KILL CONNECTION_ID()")), raising("b"), ONE)

    with pytest.raises(DatabaseUnavailable) as caught:
        write(rule)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert len(attempts) == 4
    assert seqs() == dict.fromkeys("abc", 0)


class Killed(BaseException):
    """The exception that ends a greenlet, or its Timeout."""


def test_whoever_is_killed_in_flight_leaves_no_answers_behind(heads: None) -> None:
    numbers: list[int] = []

    def kill(_signal: int, _frame: FrameType | None) -> None:
        raise Killed

    def rule(session: Session, _now: datetime) -> None:
        (((number,),),) = fly(session, Call(text("SELECT CONNECTION_ID()")))
        numbers.append(number)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        fly(session, Call(text("SELECT 'mine'")), raising("a"), Call(text("SELECT 'not yours'")))

    before = signal.signal(signal.SIGALRM, kill)
    try:
        with held("a"), pytest.raises(Killed):
            write(rule)
    finally:
        signal.signal(signal.SIGALRM, before)
    number, yours = flown(Call(text("SELECT CONNECTION_ID()")), Call(text("SELECT 'yours'")))
    assert yours[0][0] == "yours"
    assert number[0][0] not in numbers
    assert seqs() == dict.fromkeys("abc", 0)


def test_after_what_nobody_foresaw_the_connection_is_not_used_again(heads: None) -> None:
    """A procedure has one answer more than a statement."""
    with engine().connect() as connection:
        connection.exec_driver_sql("DROP PROCEDURE IF EXISTS twice")
        connection.exec_driver_sql("CREATE PROCEDURE twice() BEGIN SELECT 'one'; SELECT 'two'; END")
    numbers = []

    def rule(session: Session, _now: datetime) -> None:
        numbers.append(fly(session, Call(text("SELECT CONNECTION_ID()")))[0][0][0])
        fly(session, raising("a"), Call(text("CALL twice()")), Call(text("SELECT 'mine'")))

    with pytest.raises(RuntimeError):
        write(rule)
    number, yours = flown(Call(text("SELECT CONNECTION_ID()")), Call(text("SELECT 'yours'")))
    assert yours[0][0] == "yours"
    assert number[0][0] not in numbers
    assert seqs() == dict.fromkeys("abc", 0)


def test_a_flight_is_in_a_transaction_from_a_connections_first_statement(heads: None) -> None:
    def rule(session: Session, _now: datetime) -> None:
        fly(session, raising("a"), Call(delete(HEADS).where(HEADS.c.conversation_id == "b")))
        raise ZeroDivisionError

    engine().dispose()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            write(rule)
    assert seqs() == dict.fromkeys("abc", 0)


def test_a_connection_that_commits_by_itself_takes_no_flight(heads: None) -> None:
    def commit_each(connection: Any, _record: Any) -> None:
        connection.autocommit(True)

    engine().dispose()
    event.listen(engine(), "connect", commit_each)
    with pytest.raises(DatabaseUnavailable, match="without a transaction"):
        flown(raising("a"))
    event.remove(engine(), "connect", commit_each)
    engine().dispose()
    assert seqs() == dict.fromkeys("abc", 0)


def test_pymysql_has_the_names_that_it_does_not_document(mariadb_database: str) -> None:
    """A release of PyMySQL without them needs another db/pipeline.py."""
    with engine().connect() as connection:
        driver = connection.connection.driver_connection
        assert {"_write_bytes", "_next_seq_id", "open", "encoding", "escape", "server_status"} <= set(dir(driver))
        assert type(driver).__module__ == "pymysql.connections"
