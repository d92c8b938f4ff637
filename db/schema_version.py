"""The check that the database has the schema that this code was written for."""

from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Select, column, select, table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable


class NotMigrated(DatabaseUnavailable):
    """The database answers, but its tables are not those of this code."""


_APPLIED: Select[str] = select(column("version_num")).select_from(table("alembic_version"))


def require_current(session: Session, _now: datetime) -> None:
    """Raise NotMigrated, whose text says what to do, when a migration that this code needs has not been applied.

    A newer schema is good: it is there while a release is rolled out, and revisions are numbered in their order.
    """
    try:
        applied = session.scalar(_APPLIED)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise NotMigrated("no schema: run alembic upgrade head") from error
    if applied is None or applied < _newest():
        raise NotMigrated(f"schema {applied}, not {_newest()}: run alembic upgrade head")


@cache
def _newest() -> str:
    """Returns the newest revision, by the names of its files. Alembic itself would stay in memory for this alone."""
    return max(path.name[:4] for path in (Path(__file__).parent / "migrations/versions").glob("[0-9]*.py"))
