"""Limits on how often one user, or one address before login, may call.

Each process counts in its own memory: a limit must hold, and a send must go through, while Redis is away. With N web
processes a caller may reach N times the figure.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from flask import Flask, current_app, g, request
from werkzeug.exceptions import TooManyRequests

from infra.metrics import limited
from infra.networks import network
from infra.settings import settings

# (calls, seconds): at most so many calls in any period of that length. All times in the longest one are remembered.
Limit = tuple[tuple[int, float], ...]
View = TypeVar("View", bound=Callable[..., Any])

EVERY_CALL: Limit = ((100, 1.0),)
SENDS: Limit = ((30, 1.0), (600, 60.0))
UPLOADS: Limit = ((10, 1.0), (120, 60.0))
DOWNLOADS: Limit = ((300, 1.0),)  # a page of pictures asks for all of them at once; without a token, for an address
GROUP_CHANGES: Limit = ((20, 1.0), (200, 60.0))
FORWARDS: Limit = ((2_000, 60.0),)  # in copies: one call may make 1,000
PASSWORDS: Limit = ((60, 60.0),)
REFUSED_TOKENS: Limit = ((60, 60.0),)

_NAMES = {
    EVERY_CALL: "every call",
    SENDS: "sends",
    UPLOADS: "uploads",
    DOWNLOADS: "downloads",
    GROUP_CHANGES: "group changes",
    FORWARDS: "forwards",
    PASSWORDS: "passwords",
    REFUSED_TOKENS: "refused tokens",
}
COUNTED = (EVERY_CALL, SENDS, UPLOADS, DOWNLOADS, GROUP_CHANGES, FORWARDS, PASSWORDS)
_MOST_CALLERS = 100_000


class Calls:
    """The times of each caller's latest calls.

    Callers are kept in the order of their latest call. Each call forgets at most two (out of date, or beyond
    `most_callers`), so that its cost does not grow with their number; as it adds one at most, all that are out of date
    are forgotten in the end. Nothing in here switches to another greenlet, so it needs no lock.
    """

    def __init__(
        self, limit: Limit, *, most_callers: int = _MOST_CALLERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._longest = max(seconds for _, seconds in limit)
        self._most_callers = most_callers
        self._clock = clock
        self._calls: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        """Returns how many callers are remembered."""
        return len(self._calls)

    def take(self, caller: Hashable, count: int = 1) -> float:
        """Count so many more calls and return 0; over the limit, count none and return the seconds to wait.

        No more can be counted at once than the limit allows.
        """
        now = self._clock()
        self._forget_some(now)
        calls = self._calls.setdefault(caller, deque())
        while calls and calls[0] <= now - self._longest:
            calls.popleft()
        full = [calls[count - most - 1] + seconds - now for most, seconds in self._limit if len(calls) + count > most]
        wait = max(full, default=0.0)
        if wait > 0:
            return wait
        calls.extend([now] * count)
        self._calls.move_to_end(caller)
        return 0.0

    def _forget_some(self, now: float) -> None:
        for _ in range(2):
            latest = next(iter(self._calls.values()), None)
            if latest is None or (latest[-1] > now - self._longest and len(self._calls) < self._most_callers):
                return
            self._calls.popitem(last=False)


def limited_to(limit: Limit, *, together: str | None = None) -> Callable[[View], View]:
    """Give a view a limit of its own, instead of EVERY_CALL. Views with the same name `together` are counted as one."""

    def mark(view: View) -> View:
        view.limit, view.together = limit, together  # type: ignore[attr-defined]
        return view

    return mark


def register(app: Flask, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Make `app` raise TooManyRequests for calls beyond their limit. RATE_LIMITS=0 lifts all limits, for measuring."""
    register_tokens(app, clock=clock)
    if settings().rate_limits:
        app.extensions["limits"] |= {limit: Calls(limit, clock=clock) for limit in COUNTED}
        app.before_request(_count)


def register_tokens(app: Flask, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Make `token_refused` count in `app`, unless RATE_LIMITS=0."""
    if settings().rate_limits:
        app.extensions["limits"] = {REFUSED_TOKENS: Calls(REFUSED_TOKENS, clock=clock)}


def token_refused() -> None:
    """Count a refused or missing token for the caller's address. Raises TooManyRequests beyond REFUSED_TOKENS."""
    if "limits" in current_app.extensions:
        _take(REFUSED_TOKENS, ("token", _address()))


def count_copies(count: int) -> None:
    """Count the copies of a forward for the caller. Raises TooManyRequests beyond FORWARDS."""
    if "limits" in current_app.extensions:
        _take(FORWARDS, ("copies", g.claims.user_id), count)


def _count() -> None:
    endpoint = request.endpoint
    if endpoint is None or endpoint == "static":
        return
    claims = g.get("claims")
    view = current_app.view_functions[endpoint]
    limit, together = getattr(view, "limit", EVERY_CALL), getattr(view, "together", None)
    _take(limit, (together or endpoint, claims.user_id if claims else _address()))


def _address() -> str:
    return network(request.remote_addr or "")


def _take(limit: Limit, caller: Hashable, count: int = 1) -> None:
    if wait := current_app.extensions["limits"][limit].take(caller, count):
        limited.labels(_NAMES[limit]).inc()
        raise TooManyRequests("too many requests", retry_after=math.ceil(wait))
