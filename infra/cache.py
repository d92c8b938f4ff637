"""Answers of other services, kept in Redis for a while.

Invariants: within a process one caller at a time fetches a key, and the others wait for its answer; lifetimes are
spread, so that keys fetched together do not expire together; an outage of Redis costs a short wait now and then, and
never an answer.
"""

import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra import logs
from infra.redis import RedisError
from infra.settings import settings

log = logs.get(__name__)

SECONDS = 60.0
NEGATIVE_SECONDS = 5.0  # users wait for a "no" to change: a friendship accepted, a block lifted
_REDIS_SECONDS = 0.1
_LEAVE_REDIS_SECONDS = 2.0
_WAIT_SECONDS = 2.0  # for the fetch of another caller, which has deadlines of its own

Fetch = Callable[[Sequence[str]], Mapping[str, Any]]


class FetchTooSlow(Exception):
    """Another caller was fetching the same key, and did not finish within _WAIT_SECONDS."""


class Cache:
    """Answers to one kind of question: JSON values by key, kept for SECONDS, false ones for NEGATIVE_SECONDS.

    With `kept_seconds` the last answer is kept that long besides, for when the service is away (`kept`).
    """

    def __init__(self, kind: str, *, kept_seconds: float = 0) -> None:
        self._prefix = f"im:outside:{kind}:"
        self._kept_prefix = f"im:outside:{kind}-kept:"
        self._kept_ms = int(kept_seconds * 1000)
        self._lock = threading.Lock()
        self._flights: dict[str, Future[Any]] = {}
        self._redis_from = float("-inf")

    def get(self, keys: Collection[str], fetch: Fetch) -> dict[str, Any]:
        """Returns the values of all keys. `fetch` is called once, with the keys that nobody has or is fetching.

        Raises what `fetch` raises, also for another caller, and FetchTooSlow.
        """
        found = self._read(list(keys), self._prefix)
        missing = [key for key in keys if key not in found]
        if missing:
            mine, others = self._claim(missing)
            found |= self._fetch(mine, fetch) if mine else {}
            found |= {key: _landed(flight) for key, flight in others.items()}
        return found

    def kept(self, keys: Collection[str]) -> dict[str, Any]:
        """Returns the last known answers, up to `kept_seconds` old; keys without one are left out."""
        return self._read(list(keys), self._kept_prefix)

    def _claim(self, keys: Sequence[str]) -> tuple[dict[str, Future[Any]], dict[str, Future[Any]]]:
        with self._lock:
            others = {key: self._flights[key] for key in keys if key in self._flights}
            mine: dict[str, Future[Any]] = {key: Future() for key in keys if key not in others}
            self._flights |= mine
        return mine, others

    def _fetch(self, mine: Mapping[str, Future[Any]], fetch: Fetch) -> dict[str, Any]:
        try:
            fetched = dict(fetch(list(mine)))
            self._write(fetched)
            for key, flight in mine.items():
                flight.set_result(fetched[key])
        except BaseException as error:
            for flight in mine.values():
                if not flight.done():
                    flight.set_exception(error)
            raise
        finally:
            with self._lock:
                for key in mine:
                    del self._flights[key]
        return fetched

    def _read(self, keys: Sequence[str], prefix: str) -> dict[str, Any]:
        values: Any = self._ask_redis(lambda client: client.mget([prefix + key for key in keys])) if keys else None
        return {key: orjson.loads(raw) for key, raw in zip(keys, values, strict=True) if raw} if values else {}

    def _write(self, values: Mapping[str, Any]) -> None:
        def write(client: "redis.Redis") -> None:
            pipeline = client.pipeline(transaction=False)
            for key, value in values.items():
                pipeline.set(self._prefix + key, orjson.dumps(value), px=_life_ms(value))
                if self._kept_ms:
                    pipeline.set(self._kept_prefix + key, orjson.dumps(value), px=self._kept_ms)
            pipeline.execute()

        self._ask_redis(write)

    def _ask_redis(self, question: Callable[["redis.Redis"], Any]) -> Any:
        if time.monotonic() < self._redis_from:
            return None
        try:
            return question(quick_client())
        except RedisError as error:
            if time.monotonic() >= self._redis_from:  # of many callers that fail together, one logs it
                log.warning("cache_away", reason=str(error))
            self._redis_from = time.monotonic() + _LEAVE_REDIS_SECONDS
            return None


def _landed(flight: Future[Any]) -> Any:
    try:
        return flight.result(_WAIT_SECONDS)
    except TimeoutError as error:
        raise FetchTooSlow from error


def _life_ms(value: Any) -> int:
    return int(1000 * (SECONDS if value else NEGATIVE_SECONDS) * random.uniform(0.9, 1.0))


@cache
def quick_client() -> "redis.Redis":
    """Returns a client that gives up after 0.1 s: asking the service itself is as good."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
