"""Tests that the migrations lead to the models' schema, and back again, on both databases."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from db.session import engine, write
from db.tables import metadata
from messaging.conversation_id import group
from messaging.delete import delete_for_oneself
from messaging.parked import set_back_oldest
from tests import databases, groups
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


def test_going_back_to_before_groups_leaves_nothing_of_them(empty_database: str) -> None:
    """SQLite gives the last messages' ids out again: those who hid one of a group must not miss one of a pair."""
    with databases.configured(empty_database):
        command.upgrade(databases.alembic(), "head")
        group_id = groups.made(1, 2)
        message = groups.said(group(group_id), 1, "hello")[0]
        write(delete_for_oneself, user_id=2, message_id=message["id"])
        for shard in range(groups.SHARDS):
            while write(set_back_oldest, shard=shard, error=OSError()):
                pass
        assert min(_left().values()) > 0
        command.downgrade(databases.alembic(), "0008")
        assert set(_left().values()) == {0}


def _left() -> dict[str, int]:
    """Returns how many rows there are in each of the tables that groups leave something in."""
    tables = ("im_message", "im_conversation", "im_conversation_head", "im_message_hidden", "im_outbox_parked")
    with engine().connect() as connection:
        return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in tables}


def test_models_and_migrations_agree(any_database: str) -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        assert compare_metadata(context, metadata) == []
