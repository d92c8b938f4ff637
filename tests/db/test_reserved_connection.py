"""Tests of the connection reserved for the group commit, which readers cannot take."""

from contextlib import ExitStack

import pytest

from db.errors import DatabaseUnavailable
from db.group_commit import GroupCommit
from db.session import engine, read
from infra.settings import settings


def test_sends_go_on_when_reads_have_taken_every_connection(mariadb_database: str) -> None:
    commits: GroupCommit[str, str] = GroupCommit(
        lambda _drafts, _again: (), lambda _session, _now, _rows, drafts, _again: drafts, repeatable=lambda _: True
    )
    with ExitStack() as taken:
        for _ in range(2 * settings().db_pool_size):
            taken.enter_context(engine().connect())
        assert commits.submit("sent") == "sent"
        with pytest.raises(DatabaseUnavailable, match="no free connection"):
            read(lambda _session, now: now)
