"""Which users are connected: relays keep it in Redis, and it counts only while the relay shows signs of life.

`im:relays` holds the time of each relay's last sign of life and `im:relays:gone` the time at which one withdrew (sorted
sets, by Redis's clock), `im:relay:{id}:users` a relay's users with their connection counts, `im:seen:{user}` the time
at which a user was last seen. Redis may forget all of it: relays report their users again every few seconds.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from infra.redis import client

DEAD_AFTER = 15  # seconds without a sign of life
GRACE = 10  # seconds in which a user may come back without friends learning that they were away
_RELAYS, _GONE = "im:relays", "im:relays:gone"
_AGES = {_RELAYS: DEAD_AFTER, _GONE: GRACE}  # seconds after which a relay in the set is gone
_USERS_KEPT = DEAD_AFTER * 4
_SEEN_KEPT = 90 * 86_400
_REMEMBERED = 1.0  # seconds; so much later a new relay's users count, and a dead one's no longer


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


class Counts:
    """The counts of one relay's users. Which other relays are alive is remembered for a second."""

    def __init__(self, relay_id: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._relay_id = relay_id
        self._clock = clock
        self._alive = False
        self._others: list[str] = []
        self._asked_at = float("-inf")

    def change(self, changes: Sequence[tuple[int, int]]) -> list[int]:
        """Count connections that came or went: (user id, 1 or -1), in their order.

        Returns for each how many connections the user then has on all living relays. A relay to which users come is
        alive. It takes one trip to Redis, and a second if there are other relays: thousands come and go at the same
        moment. Raises RedisError.
        """
        key = _users(self._relay_id)
        pipeline = client().pipeline(transaction=False)
        for user_id, by in changes:
            pipeline.hincrby(key, str(user_id), by)
        pipeline.expire(key, _USERS_KEPT)  # Redis may have lost the key, and created it just now
        if fresh := self._clock() - self._asked_at > _REMEMBERED:
            pipeline.time()
            pipeline.zrange(_RELAYS, 0, -1, withscores=True)
        answers = pipeline.execute()
        if fresh:
            self._remember(*answers[-2:])
            if not self._alive and any(by > 0 for _, by in changes):  # a relay that has not reported yet
                client().zadd(_RELAYS, {self._relay_id: _now()})
        elsewhere = _counted({user_id for user_id, _ in changes}, self._others)
        return [max(0, here) + elsewhere[user] for (user, _), here in zip(changes, answers, strict=False)]

    def _remember(self, now: tuple[int, int], relays: Sequence[tuple[bytes, float]]) -> None:
        living = {relay.decode() for relay, heard_at in relays if heard_at >= now[0] - DEAD_AFTER}
        self._alive = self._relay_id in living
        self._others = sorted(living - {self._relay_id})
        self._asked_at = self._clock()


class Departed(NamedTuple):
    """Relays that are gone at a time of Redis's clock, and those of their users who have no other connection."""

    at: float
    relays: list[str]
    users: set[int]


def online(user_ids: Collection[int]) -> set[int]:
    """Returns those of the users who have a connection on a living relay. Raises RedisError."""
    return {user for user, count in _counted(user_ids, _living()).items() if count} if user_ids else set()


def seen(user_ids: Collection[int]) -> int:
    """Store that users have just gone. Returns the time in Unix seconds by Redis's clock. Raises RedisError."""
    now = int(_now())
    pipeline = client().pipeline(transaction=False)
    for user_id in user_ids:
        pipeline.set(f"im:seen:{user_id}", now, ex=_SEEN_KEPT)
    pipeline.execute()
    return now


def departed() -> Departed:
    """Returns the relays that are gone: `forget` them once it is told whom that leaves offline. Raises RedisError."""
    at = _now()
    relays = [relay for key, age in _AGES.items() for relay in _between(key, "-inf", at - age)]
    users: Any = [client().hkeys(_users(relay)) for relay in relays]
    found = {int(user) for of_relay in users for user in of_relay}
    return Departed(at, relays, found - online(found))


def forget(departed: Departed) -> None:
    """Forget relays that are gone, but none that has shown a sign of life since. Raises RedisError."""
    for key, age in _AGES.items():
        client().zremrangebyscore(key, "-inf", departed.at - age)
    for relay in departed.relays:
        if client().zscore(_RELAYS, relay) is None:
            client().delete(_users(relay))


def connections() -> int:
    """Returns the number of open sockets on all living relays. Raises RedisError."""
    counts: Any = [client().hvals(_users(relay)) for relay in _living()]
    return sum(int(count) for relay in counts for count in relay)


@dataclass(frozen=True, slots=True)
class Relay:
    """A living relay: the sockets open there, the users who have them, and the seconds since its last sign of life."""

    relay_id: str
    connections: int
    users: int
    age: float


def relays() -> list[Relay]:
    """Returns the living relays, the one that reported last at the end. Raises RedisError."""
    now = _now()
    living: Any = client().zrangebyscore(_RELAYS, now - DEAD_AFTER, "+inf", withscores=True)
    found = []
    for raw, reported_at in living:
        relay_id = raw.decode()
        counts = [int(count) for count in client().hvals(_users(relay_id))]
        users = sum(count > 0 for count in counts)
        found.append(Relay(relay_id, sum(counts), users, round(max(0.0, now - reported_at), 3)))
    return found


def _counted(user_ids: Collection[int], relays: Sequence[str]) -> dict[int, int]:
    """Returns how many connections each of the users has on these relays together."""
    counted = dict.fromkeys(user_ids, 0)
    if counted and relays:
        pipeline = client().pipeline(transaction=False)
        for relay in relays:
            pipeline.hmget(_users(relay), [str(user) for user in counted])
        for counts in pipeline.execute():
            for user, count in zip(counted, counts, strict=True):
                counted[user] += max(0, int(count or 0))
    return counted


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
