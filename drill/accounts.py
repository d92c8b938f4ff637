"""The accounts of a drill: pairs of friends, whom it makes and closes again."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from drill.door import Away, Door

T = TypeVar("T")
_INSIST_SECONDS = 30.0
_TOO_MANY = 429  # a proxy may allow fewer registrations a minute than the service


@dataclass(frozen=True, slots=True)
class Account:
    """An account, and how to act for it."""

    id: int
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two friends who write to each other."""

    one: Account
    other: Account

    @property
    def conversation_id(self) -> str:
        """Returns the id of their conversation."""
        low, high = sorted((self.one.id, self.other.id))
        return f"{low}_{high}"


def insist(call: Callable[[], T], *, only: int | None = None) -> T:
    """Returns what a call of a door returns, which is repeated for half a minute, or `only` while it has this status.

    Raises Away otherwise.
    """
    deadline = time.monotonic() + _INSIST_SECONDS
    while True:
        try:
            return call()
        except Away as error:
            if time.monotonic() > deadline or (only and error.status != only):
                raise
            time.sleep(max(error.seconds, 0.2))


def new_pair(door: Door) -> Pair:
    """Make two accounts and have them become friends. Raises Away, and Denied where there are no built-in accounts."""
    one, other = _new(door), _new(door)
    asked = door.call("/friend/v1/request", {"to_user_id": other.id}, one.token)
    door.call("/friend/v1/handle", {"request_id": asked["request_id"], "action": "accept"}, other.token)
    return Pair(one, other)


def close(door: Door, account: Account) -> None:
    """Close an account for good. What it has sent stays. Raises Away and Denied."""
    insist(lambda: door.call("/user/v1/delete", {"password": account.password}, account.token))


def _new(door: Door) -> Account:
    password = secrets.token_hex(16)
    body = {"username": f"drill.{secrets.token_hex(8)}", "password": password}
    made = insist(lambda: door.call("/user/v1/register", body), only=_TOO_MANY)
    return Account(made["user"]["id"], password, made["access_token"])
