"""UPDATE of many rows, each with values of its own, in one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import Session

from db.base import Base, table
from db.flight import Call, fly


def write_rows(session: Session, model: type[Base], rows: Sequence[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """Set `columns` of rows that exist and that the caller has locked, by their primary key.

    An UPDATE of each row would cost a round trip each; an upsert of rows that are there anyway costs one for all.
    Every row must hold a value for each column that has no default.
    """
    if rows:
        fly(session, write_rows_call(session, model, rows, columns))


def write_rows_call(
    session: Session, model: type[Base], rows: Sequence[dict[str, Any]], columns: tuple[str, ...]
) -> Call:
    """Returns the call of `write_rows`, for a flight with others. There must be rows."""
    return Call(_upsert(session.get_bind().dialect.name, table(model), columns), rows)


@cache
def _upsert(dialect: str, target: Table, columns: tuple[str, ...]) -> Insert:
    if dialect == "sqlite":
        lite = sqlite.insert(target)
        return lite.on_conflict_do_update(
            index_elements=list(target.primary_key), set_={name: lite.excluded[name] for name in columns}
        )
    my = mysql.insert(target)
    return my.on_duplicate_key_update({name: my.inserted[name] for name in columns})
