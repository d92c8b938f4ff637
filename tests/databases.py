"""Points the test process at a database, and makes databases ready for use."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine

from actions.revocations import revocations
from db.session import engine, reserved_engine
from db.tables import metadata
from infra.redis import client, hasty_client
from infra.settings import settings
from infra.storage import storage
from tests.processes import ROOT

SECRET = "a secret of the tests, known to everybody"
NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def environment(database_url: str, redis_url: str = NOBODY_LISTENS) -> dict[str, str]:
    """Returns the environment variables that every process needs."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET_KEY": SECRET,
    }


@contextmanager
def configured(url: str) -> Iterator[None]:
    """Point this process's settings at a database for the block. No cache outlives the block, or enters it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url).items():
            patch.setenv(name, value)
        _forget()
        try:
            yield
        finally:
            engine().dispose()
            reserved_engine().dispose()
            _forget()


def alembic() -> Config:
    """Returns the repository's own Alembic configuration."""
    return Config(str(ROOT / "alembic.ini"))


def migrate(url: str) -> None:
    """Migrate a database to the newest schema."""
    with configured(url):
        command.upgrade(alembic(), "head")


@contextmanager
def filled(url: str, statements: Iterable[str], tables: str) -> Iterator[None]:
    """Migrate an empty MariaDB database, fill it by these statements, and have the optimizer look at these tables.

    For the block this process's settings point at it.
    """
    migrate(url)
    with configured(url):
        with engine().begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))
        with engine().begin() as connection:
            connection.exec_driver_sql(f"ANALYZE TABLE {tables}").all()
        yield


def empty(url: str) -> None:
    """Remove all rows, and restart the ids. Only tables with rows are touched, because TRUNCATE is slow."""
    filled = " UNION ALL ".join(
        f"SELECT '{name}' FROM DUAL WHERE EXISTS (SELECT 1 FROM {name})" for name in metadata.tables
    )
    with _cleaner(url).begin() as connection:
        for name in connection.exec_driver_sql(filled).scalars().all():
            connection.exec_driver_sql(f"TRUNCATE {name}")


@cache
def _cleaner(url: str) -> Engine:
    return create_engine(url)


def _forget() -> None:
    settings.cache_clear()
    engine.cache_clear()
    reserved_engine.cache_clear()
    client.cache_clear()
    hasty_client.cache_clear()
    revocations.cache_clear()
    storage.cache_clear()
