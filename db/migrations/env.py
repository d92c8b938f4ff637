"""Alembic's way in: `alembic upgrade head` with DATABASE_URL set."""

from alembic import context
from alembic.util import CommandError
from environs import EnvError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db.session import engine
from db.tables import metadata


def migrate() -> None:
    with _connected() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


def _connected() -> Connection:
    """Raises CommandError, which alembic tells in a line."""
    try:
        return engine().connect()
    except EnvError as error:
        raise CommandError(str(error)) from error
    except DBAPIError as error:
        raise CommandError(f"the database of DATABASE_URL does not answer: {error.orig}") from error


migrate()
