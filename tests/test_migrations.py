"""Tests that the migrations lead to the models' schema, and back again, on both databases."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from db.session import engine
from db.tables import metadata
from tests import databases
from tests.servers import Databases


@pytest.fixture(params=["sqlite", "mariadb"])
def empty_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Returns the URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('empty')}/im.db"
    server: Databases = request.getfixturevalue("mariadb")
    return server.create_database()


def test_up_down_and_up_again(empty_database: str) -> None:
    with databases.configured(empty_database):
        command.upgrade(databases.alembic(), "head")
        assert set(inspect(engine()).get_table_names()) == {*metadata.tables, "alembic_version"}
        command.downgrade(databases.alembic(), "base")
        assert inspect(engine()).get_table_names() == ["alembic_version"]
        command.upgrade(databases.alembic(), "head")
        assert set(inspect(engine()).get_table_names()) == {*metadata.tables, "alembic_version"}


def test_models_and_migrations_agree(any_database: str) -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []
