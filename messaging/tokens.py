"""Revoking tokens: those of a login, all of a user, and a refresh token when it is spent.

Invariants: a refresh token is spent once, even by concurrent requests; an entry lives longer than every token that it
covers; a login that begins after all logins were ended, even in the same second, is of the next generation.
"""

from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.insert_ignore import insert_ignore, insert_new
from db.revoked_token import RevokedToken
from db.revoked_user import RevokedUser
from infra.settings import settings
from messaging.revocations import Token, ended

# Tokens expire by the clocks of processes, entries by the database's; and a refresh that was allowed just before its
# family was revoked may still be issuing tokens.
_MARGIN = timedelta(hours=1)


class Refresh(Enum):
    """The outcomes of spending a refresh token: only SPENT earns new tokens."""

    SPENT = auto()
    REUSED = auto()  # it was spent before: its family is revoked now
    REVOKED = auto()  # its family, or all logins of its user, had been revoked before


def log_out(
    session: Session, now: datetime, *, user_id: int, family: str | None, expires_at: int, everywhere: bool
) -> None:
    """Revoke the tokens of the login `family`, unless it is None, and with `everywhere` those of all the user's logins.

    `expires_at`, Unix seconds, is the end of the token at hand.
    """
    if everywhere:
        revoke_user(session, now, user_id=user_id)
    if family is not None:
        revoke_login(session, now, family=family, expires_at=expires_at)


def revoke_login(session: Session, now: datetime, *, family: str, expires_at: int) -> None:
    """Revoke all tokens of a login, whenever issued. `expires_at`, Unix seconds, is the end of the token at hand."""
    longest = timedelta(seconds=max(settings().access_token_seconds, settings().refresh_token_seconds))
    _revoke(session, now, family, max(now + longest, _ends(expires_at)), of_access=True)


def revoke_user(session: Session, now: datetime, *, user_id: int) -> int:
    """End all logins of a user. Returns the generation of the logins that follow.

    The row is kept for good, as it holds the count. Tokens of another issuer carry no generation: those issued before
    `now` are revoked.
    """
    mine = select(RevokedUser).where(RevokedUser.user_id == user_id).with_for_update()
    row = session.scalar(mine)
    if row is None:
        empty = {"user_id": user_id, "generation": 0, "issued_before": now, "update_time": now}
        insert_ignore(session, RevokedUser, [empty])
        row = session.scalars(mine).one()
    row.generation += 1
    row.issued_before = row.update_time = now
    session.flush()
    return row.generation


def generation(session: Session, user_id: int) -> int:
    """Returns the generation of the user's logins: how often all of them were ended."""
    return session.scalar(select(RevokedUser.generation).where(RevokedUser.user_id == user_id)) or 0


def spend_refresh(
    session: Session, now: datetime, *, token: Token, token_id: str, family: str, expires_at: int
) -> Refresh:
    """Spend a refresh token that ends at `expires_at`, Unix seconds. Spending it again revokes its family.

    Returns the outcome. It is not raised, because the revocation must be committed.
    """
    if _revoked(session, family) or _user_ended(session, token):
        return Refresh.REVOKED
    if _revoke(session, now, token_id, _ends(expires_at), of_access=False):
        return Refresh.SPENT
    revoke_login(session, now, family=family, expires_at=expires_at)
    return Refresh.REUSED


def _user_ended(session: Session, token: Token) -> bool:
    row = session.scalar(select(RevokedUser).where(RevokedUser.user_id == token.user_id))
    return row is not None and ended(row).covers(token)


def _revoked(session: Session, token_id: str) -> bool:
    return session.scalar(select(RevokedToken.token_id).where(RevokedToken.token_id == token_id)) is not None


def _revoke(session: Session, now: datetime, token_id: str, ends: datetime, *, of_access: bool) -> bool:
    """Revoke a token or a family. Returns False when it was revoked before."""
    row = {"token_id": token_id, "expires_at": ends + _MARGIN, "of_access": of_access, "create_time": now}
    return insert_new(session, RevokedToken, row)


def _ends(expires_at: int) -> datetime:
    return datetime.fromtimestamp(expires_at, UTC).replace(tzinfo=None)
