"""Clients of Redis that give up quickly: nobody's request may wait for a Redis that is away."""

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.settings import settings

RedisError = redis.RedisError


@cache
def client() -> "redis.Redis":
    """This process's client. Calls raise RedisError within about 2 s of a Redis that does not answer."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_timeout=2,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1),  # one: a connection from the pool may have died with the last server
        health_check_interval=0,
    )
