"""Fixtures: databases for the test process, servers, and whole deployments of real processes."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import trace
from tests import databases, untold
from tests.embedded_run import EmbeddedRun
from tests.people import Web
from tests.s3 import S3Server
from tests.servers import Databases, MariaDB, OutsideRedis, RedisServer, outside_databases
from tests.stack import Stack

os.environ.setdefault("LOG_SAMPLE", "1")  # of every process: untold.py shall see each line that there can be


@pytest.fixture(scope="session", autouse=True)
def _nothing_secret_is_logged() -> Iterator[None]:
    """Fail when a log of any process of this session holds what no log may hold."""
    yield
    assert not list(untold.told())


@pytest.fixture(autouse=True)
def _no_request() -> None:
    """Forget the request that a test before has begun in this process."""
    trace.work()


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Yields a server on which `create_database()` makes databases."""
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
    """Yields a Redis, reached at its `.url`, that all tests share and no test stops."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield OutsideRedis(url)
        return
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """Yields a Redis for one test, which may stop, kill, freeze and empty it."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Yields an S3 on which `create_bucket()` makes buckets, which all tests share and no test stops."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
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
    """Point the test process at a migrated, empty SQLite database. Yields its URL."""
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
    """Point the test process at a migrated, empty MariaDB database. Yields its URL."""
    databases.empty(_migrated_schema)
    with databases.configured(_migrated_schema):
        yield _migrated_schema


@pytest.fixture(params=["database", "mariadb_database"], ids=["sqlite", "mariadb"])
def any_database(request: pytest.FixtureRequest) -> str:
    """Run the test twice, on SQLite and on MariaDB. Returns the database's URL."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(scope="session")
def stack(
    mariadb: Databases, redis_server: RedisServer | OutsideRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Yields a deployment with one process of each kind, which all tests share and no test stops."""
    yield from _deployment(mariadb, redis_server.url, tmp_path_factory.mktemp("stack"))


@pytest.fixture
def web(stack: Stack) -> Web:
    """Returns the REST door of `stack`."""
    return Web(stack.web_url)


@pytest.fixture(scope="session")
def unlimited_web(stack: Stack) -> Web:
    """Returns another REST door of `stack`, for more sends by one user than the limits allow."""
    return Web(stack.add("web", RATE_LIMITS="0").url)


@pytest.fixture
def fresh_stack(mariadb: Databases, own_redis: RedisServer, tmp_path: Path) -> Iterator[Stack]:
    """Yields a deployment for one test, with its own database and Redis (`own_redis`). The test starts it."""
    yield from _deployment(mariadb, own_redis.url, tmp_path, start=False)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRun]:
    """Yields the embedded default without its limits, which all tests share and no test stops."""
    run = EmbeddedRun(tmp_path_factory.mktemp("embedded"), RATE_LIMITS="0")
    run.start()
    yield run
    run.stop()


def _deployment(mariadb: Databases, redis_url: str, directory: Path, *, start: bool = True) -> Iterator[Stack]:
    url = mariadb.create_database()
    databases.migrate(url)
    deployment = Stack(url, redis_url, directory)
    try:
        yield deployment.start(media=1) if start else deployment
    finally:
        deployment.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Add what its processes have logged to the report of a failed test."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Stack | EmbeddedRun):
                report.sections.append((f"logs of {name}", value.tail()))
    return report
