"""Whether the database has the schema that this code was written for."""

from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Select, column, select, table
from sqlalchemy.orm import Session

from db.session import DatabaseUnavailable

_APPLIED: Select[str] = select(column("version_num")).select_from(table("alembic_version"))


def require_current(session: Session) -> None:
    """Raises DatabaseUnavailable unless the newest migration has been applied."""
    if session.scalar(_APPLIED) != _newest():
        raise DatabaseUnavailable("the database is not migrated: alembic upgrade head")


@cache
def _newest() -> str | None:
    return ScriptDirectory(str(Path(__file__).parent / "migrations")).get_current_head()
