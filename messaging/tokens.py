"""Ending tokens before their time: a login's, all at once, and a refresh token, when it is spent.

Invariants: a refresh token is spent once, however many try at the same time; an entry lives longer than every token
that it covers.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.insert_ignore import insert_new
from db.revoked_token import RevokedToken
from infra.settings import settings

# Tokens end by the clocks of processes, entries by the database's; and a refresh that was let through just before
# its family was revoked may still be making its tokens.
_MARGIN = timedelta(hours=1)


class Refresh(Enum):
    """What became of a refresh token: only SPENT earns new ones."""

    SPENT = auto()
    REUSED = auto()  # it was spent before: its family is revoked now
    REVOKED = auto()  # its family was revoked before


def revoke_login(session: Session, now: datetime, *, family: str, expires_at: int) -> None:
    """Revoke all tokens of a login, whenever issued. `expires_at`, Unix seconds, is the end of the one at hand."""
    longest = timedelta(seconds=max(settings().access_token_seconds, settings().refresh_token_seconds))
    _revoke(session, now, family, max(now + longest, _ends(expires_at)), of_access=True)


def spend_refresh(session: Session, now: datetime, *, token_id: str, family: str, expires_at: int) -> Refresh:
    """Spend a refresh token that ends at `expires_at`, Unix seconds. Spending it again revokes its family.

    The answer is no exception, because that revocation must be committed.
    """
    if _revoked(session, family):
        return Refresh.REVOKED
    if _revoke(session, now, token_id, _ends(expires_at), of_access=False):
        return Refresh.SPENT
    revoke_login(session, now, family=family, expires_at=expires_at)
    return Refresh.REUSED


def _revoked(session: Session, token_id: str) -> bool:
    return session.scalar(select(RevokedToken.token_id).where(RevokedToken.token_id == token_id)) is not None


def _revoke(session: Session, now: datetime, token_id: str, ends: datetime, *, of_access: bool) -> bool:
    """Whether it was not revoked before."""
    row = {"token_id": token_id, "expires_at": ends + _MARGIN, "of_access": of_access, "create_time": now}
    return insert_new(session, RevokedToken, row)


def _ends(expires_at: int) -> datetime:
    return datetime.fromtimestamp(expires_at, UTC).replace(tzinfo=None)
