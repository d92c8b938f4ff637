"""The users of the benchmark, their friendships, groups and tokens: driver and clients derive the same ones."""

import time
from uuid import uuid4

import jwt

from messaging.conversation_id import single
from tests.databases import SECRET

NEIGHBOURS = 5  # users stand in a ring, each a friend of the next five: 1,000 users have 5,000 conversations
_DAY = 86_400

Pair = tuple[int, int]


def users(first: int, count: int) -> range:
    """Returns the ids of `count` users from `first` on."""
    return range(first, first + count)


def friends(first: int, count: int) -> list[Pair]:
    """Returns every friendship once; each is one conversation."""
    return [(first + place, first + (place + step) % count) for place in range(count) for step in _steps(count)]


def directed(first: int, count: int) -> list[Pair]:
    """Returns every friendship as (from, to), in both directions."""
    pairs = friends(first, count)
    return pairs + [(other, one) for one, other in pairs]


def groups(first: int, count: int, size: int) -> dict[int, range]:
    """Returns the members of each group by its id, that of its first member, who owns it. No user is in two groups."""
    return {start: users(start, size) for start in users(first, count)[::size]}


def conversation(pair: Pair) -> str:
    """Returns the conversation id of two users."""
    return single(*pair)


def token(user_id: int) -> str:
    """Returns an access token as the login would issue it, without the cost of a password check."""
    now = int(time.time())
    claims = {"sub": str(user_id), "type": "access", "fresh": False, "jti": uuid4().hex, "fam": uuid4().hex}
    return jwt.encode(claims | {"iat": now, "nbf": now, "exp": now + _DAY}, SECRET, "HS256")


def _steps(count: int) -> range:
    return range(1, min(NEIGHBOURS, (count - 1) // 2) + 1)
