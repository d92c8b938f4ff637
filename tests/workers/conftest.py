"""Fixtures for tasks called as functions against a real database and Redis, and for what the tasks publish.

Tests name a task through its module: pytest inspects each name in a test module before any settings exist, and Celery
never binds a task that was inspected without settings.
"""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from redis import Redis

from infra.redis import client
from infra.settings import settings
from tests.processes import PATIENCE
from tests.servers import RedisServer

Heard = list[tuple[str, Any]]


class Channels:
    """A listener on all channels of one Redis. Payloads are lines: a header for relays, then the frames."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url)
        self._pubsub = self._redis.pubsub()
        self._pubsub.psubscribe("im:*")
        assert self._pubsub.get_message(timeout=PATIENCE), "it is confirmed"

    def notes(self) -> list[tuple[str, list[Any]]]:
        """Returns the notes published since the last call: the channel, and the lines that followed its name."""
        self._redis.publish("im:end", b"null")
        found = []
        while (note := self._next())[0] != "im:end":
            found.append(note)
        return found

    def frames(self) -> Heard:
        """Returns the frames published since the last call, each with its channel, sorted by channel."""
        found = [(channel, frame) for channel, (_, *frames) in self.notes() for frame in frames]
        return sorted(found, key=lambda heard: heard[0])

    def close(self) -> None:
        """Close the connection to Redis."""
        self._pubsub.close()
        self._redis.close()

    def _next(self) -> tuple[str, list[Any]]:
        note = self._pubsub.get_message(timeout=PATIENCE)
        assert note, "what was published last"
        return note["channel"].decode(), [orjson.loads(line) for line in note["data"].split(b"\n")]


@pytest.fixture
def channels(any_database: str, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channels]:
    """Point the test process at a Redis of its own, beside the database. Yields what is published there."""
    monkeypatch.setenv("REDIS_URL", own_redis.url)
    settings.cache_clear()
    client.cache_clear()
    channels = Channels(own_redis.url)
    yield channels
    channels.close()
    client().close()
