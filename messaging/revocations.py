"""Which tokens are good no longer, as this process knows it.

Invariant: a token revoked anywhere is refused here within 5 s. A process asks the tables at most every 2 s for what
is new, and trusts what it holds for 5 s: after that a database that does not answer means 503, never a free pass.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable
from db.revoked_token import RevokedToken
from db.revoked_user import RevokedUser
from db.session import read
from infra.settings import settings

_REFRESH_SECONDS = 2.0
_TRUST_SECONDS = 5.0
_CLOCKS_APART = timedelta(hours=2)  # tokens end by the clocks of processes, the tables go by the database's
# A row carries the time at which its transaction began, and is seen once that is committed: none takes so long.
_LATE = timedelta(minutes=2)

_SWEEP = timedelta(minutes=10)


class Token(Protocol):
    """What of a token's claims tells whether it was revoked; times are Unix seconds."""

    @property
    def user_id(self) -> int: ...
    @property
    def generation(self) -> int | None: ...
    @property
    def issued_at(self) -> int | None: ...
    @property
    def revocable(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Ended:
    """All logins of a user were ended: tokens of lower generations, or, without one, issued before."""

    generation: int
    issued_before: int
    at: datetime

    def covers(self, token: Token) -> bool:
        """Returns whether the token is of a login that was ended."""
        if token.generation is not None:
            return token.generation < self.generation
        return token.issued_at is None or token.issued_at < self.issued_before


@dataclass(frozen=True, slots=True)
class News:
    """Ids with the times at which they were revoked, and users by id, oldest first; `now` is the database's clock."""

    ids: dict[str, datetime]
    users: dict[int, Ended]
    now: datetime


def news(session: Session, now: datetime, *, since: datetime | None) -> News:
    """Returns what was revoked since then and can concern a living access token: older entries cover none any more."""
    after = _born(now) if since is None else max(_born(now), since)
    ids = (
        select(RevokedToken.token_id, RevokedToken.create_time)
        .where(RevokedToken.create_time > after, RevokedToken.of_access.is_(True))
        .order_by(RevokedToken.create_time)
    )
    users = select(RevokedUser).where(RevokedUser.update_time > after).order_by(RevokedUser.update_time)
    return News(
        ids={row.token_id: row.create_time for row in session.execute(ids)},
        users={row.user_id: ended(row) for row in session.scalars(users)},
        now=now,
    )


def ended(row: RevokedUser) -> Ended:
    """Returns what a row says of its user's tokens."""
    return Ended(row.generation, int(row.issued_before.replace(tzinfo=UTC).timestamp()), row.update_time)


def _born(now: datetime) -> datetime:
    return now - timedelta(seconds=settings().access_token_seconds) - _CLOCKS_APART


class Revocations:
    """A copy of the tables, one a process, brought up to date by whoever asks when it has grown old."""

    def __init__(self) -> None:
        self._ids: dict[str, datetime] = {}
        self._users: dict[int, Ended] = {}
        self._upto: datetime | None = None
        self._swept_at: datetime | None = None
        self._read_at = float("-inf")
        self._outdated = 0
        self._refreshing = threading.Lock()

    def revoked(self, token: Token) -> bool:
        """Returns whether the token is revoked. Raises DatabaseUnavailable when nobody could tell for 5 s."""
        age = time.monotonic() - self._read_at
        if age > _REFRESH_SECONDS:
            self._refresh(must=age > _TRUST_SECONDS)
        if any(name in self._ids for name in token.revocable):
            return True
        of_user = self._users.get(token.user_id)
        return of_user is not None and of_user.covers(token)

    def look_again(self) -> None:
        """Ask the tables at the next question: this process has just revoked something."""
        self._outdated += 1
        self._read_at = float("-inf")

    def _refresh(self, *, must: bool) -> None:
        if not self._refreshing.acquire(blocking=must):
            return  # somebody is at it, and what we hold is young enough
        try:
            started, outdated = time.monotonic(), self._outdated
            if started - self._read_at <= _REFRESH_SECONDS:
                return
            self._take(read(lambda session, now: news(session, now, since=self._since(now))))
            if outdated == self._outdated:
                self._read_at = started
        except DatabaseUnavailable:
            if must:
                raise
        finally:
            self._refreshing.release()

    def _since(self, now: datetime) -> datetime | None:
        """The database's clock may have been set back: then what is new looks older than what is known."""
        return None if self._upto is None else min(self._upto, now) - _LATE

    def _take(self, new: News) -> None:
        self._ids.update(new.ids)
        self._users.update(new.users)
        self._upto = new.now
        if self._swept_at is None or abs(new.now - self._swept_at) > _SWEEP:
            self._swept_at = new.now
            born = _born(new.now)
            self._ids = {name: at for name, at in self._ids.items() if at > born}
            self._users = {user_id: of_user for user_id, of_user in self._users.items() if of_user.at > born}


@cache
def revocations() -> Revocations:
    """Returns this process's copy."""
    return Revocations()
