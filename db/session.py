"""The one way to the database: `read(rule, **arguments)`, `write(rule, **arguments)` and `write_at_once(calls, rule)`.

Invariants: a rule sees one time, the database's (UTC, whole seconds); it never commits; a transaction that lost a
lock fight is rerun whole, never continued, because after error 1205 half of it may be gone. Writers take SQLite's
write lock at BEGIN: an upgrade from reading to writing fails at once, whatever the timeout.
"""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable, OutcomeUnknown
from db.flight import Call, Rows, fly, let_fly
from db.measured import measure
from infra.metrics import database_seconds, transaction_reruns
from infra.off_the_loop import off_the_loop
from infra.settings import settings

T = TypeVar("T")
P = ParamSpec("P")
Rule = Callable[Concatenate[Session, datetime, P], T]
AtOnce = Callable[[Session, datetime, list[Rows]], T]

_RERUNS = 3
_LOCK_ERRORS = {1020, 1205, 1213}  # changed since read, lock wait timeout, deadlock
_CLOCK = {
    "sqlite": Call(text("SELECT strftime('%Y-%m-%d %H:%M:%S', 'now')")),
    "mysql": Call(text("SELECT UTC_TIMESTAMP()")),
    "mariadb": Call(text("SELECT UTC_TIMESTAMP()")),
}
# When the network is cut in mid-transaction, its locks would stay until TCP gives up, which takes hours. MariaDB ends
# the transaction while those who wait for its locks still do (four times 5 s). MySQL has no such setting, and takes
# that part for a comment.
_PREPARE_MYSQL = (
    "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 5"
    "/*M!100300 , idle_transaction_timeout = 10 */"
)


def read(rule: Rule[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Returns what `rule(session, now, ...)` returns. The rule must only read: SQLite takes no write lock for it.

    In all else it is like `write`.
    """
    return _run(lambda session, now, _: rule(session, now, *args, **kwargs), engine, writes=False)


def write(rule: Rule[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `rule(session, now, ...)` in a transaction of its own and commit it. Returns what the rule returns.

    `now` is the database's clock, naive UTC in whole seconds.
    The rule may be called again from the start, up to three times, when locks or a lost connection stopped it.
    Raises DatabaseUnavailable (OutcomeUnknown when COMMIT was lost), and whatever the rule raises.
    """
    return _run(lambda session, now, _: rule(session, now, *args, **kwargs), engine, writes=True)


def write_at_once(calls: Sequence[Call], rule: AtOnce[T]) -> T:
    """Like `write`, for a rule whose first statements are known: they fly together with the question for the time.

    The rule is called as `rule(session, now, rows)`, with the rows of each call.
    """
    return _run(rule, engine, writes=True, calls=calls)


def write_reserved(calls: Sequence[Call], rule: AtOnce[T]) -> T:
    """Like `write_at_once`, on the one connection that is kept for the group commit."""
    return _run(rule, reserved_engine, writes=True, calls=calls)


def _run(rule: AtOnce[T], engine_of: Callable[[], Engine], *, writes: bool, calls: Sequence[Call] = ()) -> T:
    for rerun in range(_RERUNS + 1):
        try:
            return _on_right_thread(lambda: _attempt(rule, engine_of(), calls, writes=writes))
        except PoolTimeoutError as error:
            raise DatabaseUnavailable("no free connection") from error
        except (OperationalError, InterfaceError) as error:
            if not _worth_rerunning(error) or rerun == _RERUNS:
                raise DatabaseUnavailable(str(error.orig)) from error
            transaction_reruns.inc()
            time.sleep(random.uniform(0, 0.02 * 2**rerun))
    raise AssertionError("unreachable")


def _attempt(rule: AtOnce[T], of: Engine, calls: Sequence[Call], *, writes: bool) -> T:
    with Session(of, expire_on_commit=False, autoflush=False) as session:
        session.connection(execution_options={"im_write": writes})
        clock, *found = fly(session, _CLOCK[of.dialect.name], *calls)
        result = rule(session, _time(clock), found)
        session.flush()
        try:
            with database_seconds.labels("commit").time():
                session.commit()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise OutcomeUnknown("connection lost at COMMIT") from error
            raise
        return result


def _time(clock: Rows) -> datetime:
    ((value,),) = clock
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _worth_rerunning(error: DBAPIError) -> bool:
    number = error.orig.args[0] if error.orig and error.orig.args else None
    return error.connection_invalidated or number in _LOCK_ERRORS or "locked" in str(error.orig)


def _on_right_thread(attempt: Callable[[], T]) -> T:
    """Run an attempt on SQLite in a native thread: it waits for locks in C, which would freeze every greenlet."""
    return off_the_loop(attempt) if engine().dialect.name == "sqlite" else attempt()


@cache
def engine() -> Engine:
    """Returns this process's engine, made at first use: after the fork of a worker, never before it."""
    url, size = settings().database_url, settings().db_pool_size
    return _sqlite(url) if url.startswith("sqlite") else _mysql(url, size, overflow=size)


@cache
def reserved_engine() -> Engine:
    """Returns the group commit's engine, of one connection, so that sends go on when reads have taken all others.

    On SQLite it is the same as `engine`.
    """
    url = settings().database_url
    return engine() if url.startswith("sqlite") else _mysql(url, 1, overflow=0)


def _mysql(url: str, size: int, *, overflow: int) -> Engine:
    # READ COMMITTED: at REPEATABLE READ a plain read and FOR UPDATE disagree within one transaction.
    new = create_engine(
        url,
        hide_parameters=True,  # an error in the log must not hold a user's message
        isolation_level="READ COMMITTED",
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=overflow,
        pool_timeout=5,
        pool_reset_on_return=None,  # the session has ended its transaction: a ROLLBACK would be a wasted round trip
        pool_recycle=1800,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": 3,
            "read_timeout": 15,
            "write_timeout": 15,
            "init_command": _PREPARE_MYSQL,
        },
    )
    let_fly(new)
    measure(new)
    return new


def _sqlite(url: str) -> Engine:
    # No pool: greenlets and the hub's native threads would share the pool's locks.
    new = create_engine(
        url, hide_parameters=True, poolclass=NullPool, connect_args={"timeout": 5, "check_same_thread": False}
    )
    event.listen(new, "connect", _prepare_sqlite)
    event.listen(new, "begin", _begin_sqlite)
    measure(new)
    return new


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # otherwise the driver would begin transactions itself, and too late
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("im_write", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
