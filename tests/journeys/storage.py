"""Reads, locks and breaks rows of a deployment's database, for fault tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, text

from tests.stack import Stack


def rows(stack: Stack, statement: str, **values: Any) -> list[Any]:
    """Returns the rows of a query, as they are now."""
    engine = create_engine(stack.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = list(connection.execute(text(statement), values))
    engine.dispose()
    return found


def outbox(stack: Stack) -> int:
    """Returns the number of events in the outbox."""
    return int(rows(stack, "SELECT count(*) FROM im_outbox")[0][0])


def lock_waits(stack: Stack) -> int:
    """Returns how many transactions wait for a row's lock now.

    It does not ask information_schema.innodb_trx: that cache is refilled only when nobody has read it for a tenth of a
    second, so that a faster poll sees its first answer for ever.
    """
    statement = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    return int(rows(stack, statement)[0][1])


@contextmanager
def locked(stack: Stack, statement: str, **values: Any) -> Iterator[Connection]:
    """Hold the rows that a SELECT … FOR UPDATE locks, as long as the block runs. Yields the connection."""
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
        yield connection
    engine.dispose()
