"""Which users are connected: relays keep it in Redis, and it counts only while the relay shows signs of life.

`im:relays` holds the time of each relay's last sign of life and `im:relays:gone` the time at which one withdrew (sorted
sets, by Redis's clock), `im:relay:{id}:users` a relay's users with their connection counts, `im:seen:{user}` the time
at which a user was last seen. Redis may forget all of it: relays report their users again every few seconds.
"""

from collections.abc import Collection, Mapping
from typing import Any

from infra.redis import client

DEAD_AFTER = 15  # seconds without a sign of life
GRACE = 10  # seconds in which a user may come back without friends learning that they were away
_RELAYS, _GONE = "im:relays", "im:relays:gone"
_USERS_KEPT = DEAD_AFTER * 4
_SEEN_KEPT = 90 * 86_400


def report(relay_id: str, users: Mapping[int, int]) -> None:
    """Store anew which users a relay has: user id → number of connections. Raises RedisError."""
    pipeline = client().pipeline()
    pipeline.delete(_users(relay_id))
    if users:
        pipeline.hset(_users(relay_id), mapping={str(user): count for user, count in users.items()})
        pipeline.expire(_users(relay_id), _USERS_KEPT)
    pipeline.execute()
    client().zadd(_RELAYS, {relay_id: _now()})


def withdraw(relay_id: str) -> None:
    """Store that a relay is going away; its users have GRACE to come back. Raises RedisError."""
    client().zadd(_GONE, {relay_id: _now()})
    client().zrem(_RELAYS, relay_id)


def join(relay_id: str, user_id: int) -> int:
    """Count one more connection of a user. Returns how many they have on all living relays. Raises RedisError."""
    return _change(relay_id, user_id, 1)


def leave(relay_id: str, user_id: int) -> int:
    """Count one connection of a user less. Returns how many they have left on all living relays. Raises RedisError."""
    return _change(relay_id, user_id, -1)


def online(user_ids: Collection[int]) -> set[int]:
    """Returns those of the users who have a connection on a living relay. Raises RedisError."""
    users, found = list(user_ids), set()
    for relay in _living() if users else []:
        counts: Any = client().hmget(_users(relay), [str(user) for user in users])
        found |= {user for user, count in zip(users, counts, strict=True) if int(count or 0) > 0}
    return found


def seen(user_id: int) -> int:
    """Store that a user has just gone. Returns the time in Unix seconds by Redis's clock. Raises RedisError."""
    now = int(_now())
    client().set(f"im:seen:{user_id}", now, ex=_SEEN_KEPT)
    return now


def expire() -> set[int]:
    """Forget relays that are gone. Returns their users who have no other connection. Raises RedisError."""
    left: set[int] = set()
    for key, age in ((_RELAYS, DEAD_AFTER), (_GONE, GRACE)):
        for relay in _between(key, "-inf", _now() - age):
            if client().zrem(key, relay):  # of several workers, only the one that removed it returns the users
                left |= _forget(relay)
    return left - online(left)


def connections() -> int:
    """Returns the number of open sockets on all living relays. Raises RedisError."""
    counts: Any = [client().hvals(_users(relay)) for relay in _living()]
    return sum(int(count) for relay in counts for count in relay)


def _forget(relay_id: str) -> set[int]:
    users: Any = client().hkeys(_users(relay_id))
    client().delete(_users(relay_id))
    return {int(user) for user in users}


def _change(relay_id: str, user_id: int, by: int) -> int:
    """Returns the user's connections on all living relays after the change.

    It takes one trip to Redis, a second if there are other relays: thousands come and go at the same moment.
    """
    pipeline = client().pipeline(transaction=False)
    pipeline.hincrby(_users(relay_id), str(user_id), by)
    pipeline.expire(_users(relay_id), _USERS_KEPT)  # Redis may have lost the key, and created it just now
    pipeline.time()
    pipeline.zrange(_RELAYS, 0, -1, withscores=True)
    here: int
    here, _, (seconds, _), relays = pipeline.execute()
    living = {relay.decode() for relay, heard_at in relays if heard_at >= seconds - DEAD_AFTER}
    return max(0, here) + _count(user_id, living - {relay_id})


def _count(user_id: int, relays: Collection[str]) -> int:
    if not relays:
        return 0
    pipeline = client().pipeline(transaction=False)
    for relay in relays:
        pipeline.hget(_users(relay), str(user_id))
    return sum(max(0, int(count or 0)) for count in pipeline.execute())


def _living() -> list[str]:
    return _between(_RELAYS, _now() - DEAD_AFTER, "+inf")


def _between(key: str, oldest: float | str, newest: float | str) -> list[str]:
    raw: Any = client().zrangebyscore(key, oldest, newest)
    return [relay.decode() for relay in raw]


def _users(relay_id: str) -> str:
    return f"im:relay:{relay_id}:users"


def _now() -> float:
    seconds, microseconds = client().time()
    return float(seconds) + float(microseconds) / 1e6
