"""INSERT that leaves existing rows alone, in the SQL of each database.

It is not INSERT IGNORE, which turns every error into a warning: a value that is too long would be cut unnoticed.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table, insert
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.base import Base, table
from db.flight import Call, fly

_DUPLICATE = 1062


def insert_ignore(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert those of `rows` whose unique keys are free, in one statement.

    The caller sorts the rows by key: two such statements in different orders can deadlock.
    """
    fly(session, insert_ignore_call(session, model, rows))


def insert_ignore_call(session: Session, model: type[Base], rows: Sequence[dict[str, Any]]) -> Call:
    """Returns the call of `insert_ignore`, for a flight with others. There must be rows."""
    return Call(_ignoring(session.get_bind().dialect.name, table(model)), rows)


def insert_new(session: Session, model: type[Base], row: dict[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is taken. Returns whether it was inserted."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        return connection.execute(_ignoring("sqlite", table(model)), [row]).rowcount == 1
    # A failed statement does not end the transaction here. An upsert's rowcount would not do: SQLAlchemy has the server
    # count the rows that it found.
    try:
        connection.execute(insert(table(model)), [row])
    except IntegrityError as error:
        if error.orig is None or error.orig.args[0] != _DUPLICATE:
            raise
        return False
    return True


@cache
def _ignoring(dialect: str, target: Table) -> Insert:
    if dialect == "sqlite":
        return sqlite.insert(target).on_conflict_do_nothing()
    key = next(iter(target.primary_key))
    return mysql.insert(target).on_duplicate_key_update({key.name: key})
