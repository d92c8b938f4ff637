"""Fixtures for tasks called as functions against a real database and Redis, and for what the tasks publish.

Tests name a task through its module: pytest inspects each name in a test module before any settings exist, and Celery
never binds a task that was inspected without settings.
"""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from redis import Redis

from infra.redis import client
from infra.settings import settings
from tests import databases
from tests.processes import PATIENCE, ROOT
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


class Worker:
    """Runs tasks in another process, as Celery keeps its first broker for life. The tasks sent stay in their queues."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self.redis = Redis.from_url(redis_url)
        self._environment = os.environ | databases.environment(database_url, redis_url)

    def do(self, *statements: str, **environment: str) -> str:
        """Run statements in a worker's process. Returns what it has printed and logged."""
        imports = (
            "from actions import work as ready",
            "from infra import logs, presence",
            "from workers import media_upkeep, outbox, upkeep, work",
        )
        code = "\n".join([*imports, "logs.configure()", *statements])
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def audit(self, times: int = 1) -> str:
        """Run that many audits, as if each came in its time. Returns what was printed and logged."""
        return self.do(*["presence.client().delete('im:audit:recent')", "upkeep.audit_sample()"] * times)

    def audited(self) -> Any:
        """Returns what is told of the last audits."""
        return orjson.loads(self.redis.get("im:audit") or b"")

    def sent(self, queue: str) -> list[Any]:
        """Returns the arguments of the tasks in a queue."""
        tasks: Any = self.redis.lrange(queue, 0, -1)
        return [orjson.loads(base64.b64decode(orjson.loads(task)["body"]))[0] for task in tasks]


@pytest.fixture
def worker(mariadb_database: str, own_redis: RedisServer) -> Worker:
    return Worker(mariadb_database, own_redis.url)


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
