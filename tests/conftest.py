"""Fixtures: databases for this process, servers, and whole deployments of real processes."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.embedded_run import EmbeddedRun
from tests.people import Web
from tests.servers import Databases, MariaDB, OutsideRedis, RedisServer, outside_databases
from tests.stack import Stack


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Where `create_database()` makes databases."""
    if outside := outside_databases():
        yield outside
        outside.drop_databases()
        return
    directory = tmp_path_factory.mktemp("mariadb")
    server = MariaDB(directory)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer | OutsideRedis]:
    """The `.url` of a Redis that all tests share: nobody stops it."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield OutsideRedis(url)
        return
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for one test, to be stopped, killed, frozen and emptied at will."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    databases.migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database(_migrated_file: Path, tmp_path: Path) -> Iterator[str]:
    """This process uses a migrated, empty SQLite database; its URL."""
    url = f"sqlite:///{shutil.copy(_migrated_file, tmp_path / 'im.db')}"
    with databases.configured(url):
        yield url


@pytest.fixture(scope="session")
def _migrated_schema(mariadb: Databases) -> str:
    url = mariadb.create_database()
    databases.migrate(url)
    return url


@pytest.fixture
def mariadb_database(_migrated_schema: str) -> Iterator[str]:
    """This process uses a migrated, empty MariaDB database; its URL."""
    databases.empty(_migrated_schema)
    with databases.configured(_migrated_schema):
        yield _migrated_schema


@pytest.fixture(params=["database", "mariadb_database"], ids=["sqlite", "mariadb"])
def any_database(request: pytest.FixtureRequest) -> str:
    """The test runs twice: on SQLite and on MariaDB."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(scope="session")
def stack(
    mariadb: Databases, redis_server: RedisServer | OutsideRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A deployment of one process of each, that all tests share: nobody stops any of it."""
    yield from _deployment(mariadb, redis_server.url, tmp_path_factory.mktemp("stack"))


@pytest.fixture
def web(stack: Stack) -> Web:
    """The REST door of `stack`."""
    return Web(stack.web_url)


@pytest.fixture(scope="session")
def unlimited_web(stack: Stack) -> Web:
    """Another REST door of `stack`, for more sends by one user than the limits allow."""
    return Web(stack.add("web", RATE_LIMITS="0").url)


@pytest.fixture
def fresh_stack(mariadb: Databases, own_redis: RedisServer, tmp_path: Path) -> Iterator[Stack]:
    """A deployment for one test, with a database and a Redis (`own_redis`) of its own. The test starts it."""
    yield from _deployment(mariadb, own_redis.url, tmp_path, start=False)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRun]:
    """The embedded default without its limits, that all tests share: nobody stops it."""
    run = EmbeddedRun(tmp_path_factory.mktemp("embedded"), RATE_LIMITS="0")
    run.start()
    yield run
    run.stop()


def _deployment(mariadb: Databases, redis_url: str, directory: Path, *, start: bool = True) -> Iterator[Stack]:
    url = mariadb.create_database()
    databases.migrate(url)
    deployment = Stack(url, redis_url, directory)
    try:
        yield deployment.start() if start else deployment
    finally:
        deployment.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show what the processes of a failed test have logged."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Stack | EmbeddedRun):
                report.sections.append((f"logs of {name}", value.tail()))
    return report
