"""Writing many rows that differ in everything, in one statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.orm import Session

from db.base import Base


def write_rows(session: Session, table: type[Base], rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Set `columns` of rows that exist and are locked, by their `id`.

    An UPDATE for each would cost a round trip each; an upsert of rows that are there anyway costs one for all.
    Every row must hold a value for each column that has no default.
    """
    if rows:
        session.connection().execute(_upsert(session, table, columns), list(rows))


def _upsert(session: Session, table: type[Base], columns: Sequence[str]) -> Insert:
    if session.get_bind().dialect.name == "sqlite":
        lite = sqlite.insert(table)
        return lite.on_conflict_do_update(index_elements=["id"], set_={name: lite.excluded[name] for name in columns})
    my = mysql.insert(table)
    return my.on_duplicate_key_update({name: my.inserted[name] for name in columns})
