"""A fixture that points the test process at a Redis of its own."""

from collections.abc import Iterator

import pytest

from infra.redis import client
from infra.settings import settings
from tests import databases
from tests.servers import RedisServer


@pytest.fixture
def redis(own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Yields the Redis that `infra.redis.client()` talks to, for one test."""
    with databases.configured("sqlite://"):
        monkeypatch.setenv("REDIS_URL", own_redis.url)
        settings.cache_clear()
        yield own_redis
        client().close()


@pytest.fixture
def configured() -> Iterator[None]:
    """Gives the test process settings, for one test that needs no server."""
    with databases.configured("sqlite://"):
        yield
