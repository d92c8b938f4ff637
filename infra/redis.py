"""The Redis client, which gives up quickly: no request may wait long for a Redis that is away."""

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.settings import settings

RedisError = redis.RedisError


@cache
def client() -> "redis.Redis":
    """Returns this process's client. Calls raise RedisError: after 2 s if Redis is unreachable, 4 s if it hangs."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_timeout=2,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 1),  # one retry: a pooled connection may have died with the last server
        health_check_interval=0,
    )


@cache
def hasty_client() -> "redis.Redis":
    """Returns a second client, for what is soon worthless: it tries once, and a call raises RedisError after 0.5 s."""
    return redis.Redis.from_url(
        settings().redis_url,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )
