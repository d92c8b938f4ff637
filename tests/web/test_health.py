"""Tests that /readyz fails when a web process cannot work. Every deployment that starts tests that it succeeds."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from infra import loops
from tests import databases
from tests.processes import wait_until
from tests.servers import Databases
from web.app import create_app


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Restore the log handlers, because an application logs to the stderr that it finds, which is this test's."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def client() -> FlaskClient:
    return create_app().test_client()


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_what_to_do_about_a_database_without_tables(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    if kind == "mariadb":
        server: Databases = request.getfixturevalue("mariadb")
        url = server.create_database()
    with databases.configured(url):
        assert client().get("/readyz").status_code == 503
    assert "alembic upgrade head" in capfd.readouterr().err


def test_a_loop_that_stands_still_is_told(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "STALLED_SECONDS", 0.1)
    never = threading.Event()
    threading.Thread(target=loops.forever, args=("standing", never.wait), daemon=True).start()
    wait_until(lambda: client().get("/readyz").status_code == 503, "it to be told")
    assert client().get("/readyz").get_json()["code"] == 100014
