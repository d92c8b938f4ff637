"""Which tokens are good no longer, as this process knows it.

Invariant: a token revoked anywhere is refused here within 5 s. A process reads the table at most every 2 s, and
trusts what it holds for 5 s: after that a database that does not answer means 503, never a free pass.
"""

import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.revoked_token import RevokedToken
from db.session import DatabaseUnavailable, run
from infra.settings import settings

_REFRESH_SECONDS = 2.0
_TRUST_SECONDS = 5.0
_CLOCKS_APART = timedelta(hours=2)  # tokens end by the clocks of processes, the table goes by the database's


def of_access(session: Session, now: datetime) -> set[str]:
    """Revoked ids that a living access token can carry: an entry older than its life covers none any more."""
    born = now - timedelta(seconds=settings().access_token_seconds) - _CLOCKS_APART
    living = select(RevokedToken.token_id).where(RevokedToken.of_access.is_(True), RevokedToken.create_time > born)
    return set(session.scalars(living))


class Revocations:
    """A copy of the table, one a process, refreshed by whoever asks when it has grown old."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._read_at = float("-inf")
        self._refreshing = threading.Lock()

    def revoked(self, token_ids: Iterable[str]) -> bool:
        """Whether any of these ids is revoked. Raises DatabaseUnavailable when nobody could tell for 5 s."""
        age = time.monotonic() - self._read_at
        if age > _REFRESH_SECONDS:
            self._refresh(must=age > _TRUST_SECONDS)
        return not self._ids.isdisjoint(token_ids)

    def forget(self) -> None:
        """Read the table anew at the next question: this process has just revoked something."""
        self._read_at = float("-inf")

    def _refresh(self, *, must: bool) -> None:
        if not self._refreshing.acquire(blocking=must):
            return  # somebody is at it, and what we hold is young enough
        try:
            started = time.monotonic()
            if started - self._read_at <= _REFRESH_SECONDS:
                return
            self._ids = run(of_access, write=False)
            self._read_at = started
        except DatabaseUnavailable:
            if must:
                raise
        finally:
            self._refreshing.release()


revocations = Revocations()
