"""What a fault test reads, locks or breaks in a deployment's database by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, text

from tests.stack import Stack


def rows(stack: Stack, statement: str, **values: Any) -> list[Any]:
    """The rows of a query, as they are now."""
    engine = create_engine(stack.database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        found = list(connection.execute(text(statement), values))
    engine.dispose()
    return found


def outbox(stack: Stack, *, applied: bool | None = None) -> int:
    """Events that wait, all or those in one state."""
    statement = "SELECT count(*) FROM im_outbox"
    if applied is not None:
        statement += f" WHERE applied = {int(applied)}"
    return int(rows(stack, statement)[0][0])


def lock_waits(stack: Stack) -> int:
    """How many transactions wait for a row's lock now.

    Not asked of information_schema.innodb_trx: it is a cache that is filled anew only when nobody has read it for a
    tenth of a second, so whoever polls it faster sees its first answer for ever.
    """
    statement = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    return int(rows(stack, statement)[0][1])


@contextmanager
def locked(stack: Stack, statement: str, **values: Any) -> Iterator[Connection]:
    """Hold what a SELECT … FOR UPDATE locks, as long as the block runs."""
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
        yield connection
    engine.dispose()
