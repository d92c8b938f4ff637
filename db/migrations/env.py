"""The script that `alembic upgrade head` runs, on the database of DATABASE_URL."""

from alembic import context
from alembic.util import CommandError
from environs import EnvError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from db.session import engine
from db.tables import metadata


def migrate() -> None:
    """Run the migrations that alembic asks for, a transaction each. Raises CommandError when it cannot connect."""
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
    """Returns a connection. Raises CommandError, which alembic prints in one line."""
    try:
        return engine().connect()
    except EnvError as error:
        raise CommandError(str(error)) from error
    except DBAPIError as error:
        raise CommandError(f"the database of DATABASE_URL does not answer: {error.orig}") from error


migrate()
