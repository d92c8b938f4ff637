"""Tests that a process serves on the schema that it was written for, and on a newer one during a rollout."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from db.schema_version import NotMigrated, require_current
from db.session import read, write
from tests import databases


def serves_on(revision: str) -> None:
    """Ask as `/readyz` does, with the given revision as the newest that was applied."""
    write(lambda session, _: session.execute(text("UPDATE alembic_version SET version_num = :new"), {"new": revision}))
    read(require_current)


def test_the_schema_of_a_later_release_is_good(database: str) -> None:
    read(require_current)
    assert serves_on("9999") is None


def test_the_schema_before_the_newest_is_too_old(database: str) -> None:
    migrations = ScriptDirectory.from_config(databases.alembic())
    newest = migrations.get_current_head() or ""
    before = migrations.get_revision(newest).down_revision
    assert serves_on(newest) is None
    with pytest.raises(NotMigrated, match=f"schema {before}, not {newest}"):
        serves_on(str(before))


def test_an_older_schema_says_what_to_do(database: str) -> None:
    with pytest.raises(NotMigrated, match="run alembic upgrade head"):
        serves_on("0001")
