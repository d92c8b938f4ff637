"""The revoked tokens, as this process knows them.

Invariant: a token revoked anywhere is refused here within 5 s. A process asks the tables at most every 2 s for new
revocations, and trusts its copy for 5 s: after that a database that does not answer means 503, never a free pass.
"""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from db.errors import DatabaseUnavailable
from db.session import Rule, read
from messaging.revocations import Ended, News, Token, born, news

_REFRESH_SECONDS = 2.0
_TRUST_SECONDS = 5.0
# A row carries the time at which its transaction began, and is seen once that is committed: none takes two minutes.
_LATE = timedelta(minutes=2)
_SWEEP = timedelta(minutes=10)


class Revocations:
    """This process's copy of the revocations in the tables, renewed by the first question after it has grown old."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        read: Callable[[Rule[[], News]], News] = read,
    ) -> None:
        self._clock = clock
        self._read = read
        self._ids: dict[str, datetime] = {}
        self._users: dict[int, Ended] = {}
        self._upto: datetime | None = None
        self._swept_at: datetime | None = None
        self._read_at = float("-inf")
        self._outdated = 0
        self._refreshing = threading.Lock()

    def revoked(self, token: Token) -> bool:
        """Returns whether the token is revoked. Raises DatabaseUnavailable when the copy cannot be kept under 5 s."""
        age = self._clock() - self._read_at
        if age > _REFRESH_SECONDS:
            self._refresh(must=age > _TRUST_SECONDS)
        if any(name in self._ids for name in token.revocable):
            return True
        of_user = self._users.get(token.user_id)
        return of_user is not None and of_user.covers(token)

    def look_again(self) -> None:
        """Have the tables read again at the next question, because this process has just revoked something."""
        self._outdated += 1
        self._read_at = float("-inf")

    def _refresh(self, *, must: bool) -> None:
        if not self._refreshing.acquire(blocking=must):
            return  # another thread is renewing the copy, and it is young enough meanwhile
        try:
            started, outdated = self._clock(), self._outdated
            if started - self._read_at <= _REFRESH_SECONDS:
                return
            self._take(self._read(lambda session, now: news(session, now, since=self._since(now))))
            if outdated == self._outdated:
                self._read_at = started
        except DatabaseUnavailable:
            if must:
                raise
        finally:
            self._refreshing.release()

    def _since(self, now: datetime) -> datetime | None:
        """Returns the time from which to read: the clock may have been set back, so that new rows look older."""
        return None if self._upto is None else min(self._upto, now) - _LATE

    def _take(self, new: News) -> None:
        self._ids.update(new.ids)
        self._users.update(new.users)
        self._upto = new.now
        if self._swept_at is None or abs(new.now - self._swept_at) > _SWEEP:
            self._swept_at = new.now
            oldest = born(new.now)
            self._ids = {name: at for name, at in self._ids.items() if at > oldest}
            self._users = {user_id: of_user for user_id, of_user in self._users.items() if of_user.at > oldest}


@cache
def revocations() -> Revocations:
    """Returns this process's copy."""
    return Revocations()
