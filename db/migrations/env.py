"""Alembic's way in: `alembic upgrade head` with DATABASE_URL set."""

from alembic import context

from db.session import engine
from db.tables import metadata


def migrate() -> None:
    with engine().connect() as connection:
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


migrate()
