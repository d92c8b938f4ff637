"""Which tokens were revoked, as the tables tell it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.revoked_token import RevokedToken
from db.revoked_user import RevokedUser
from infra.settings import settings

_CLOCKS_APART = timedelta(hours=2)  # tokens end by the clocks of processes, the tables go by the database's


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
    after = born(now) if since is None else max(born(now), since)
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


def born(now: datetime) -> datetime:
    """Returns a time before which no access token was issued that still lives."""
    return now - timedelta(seconds=settings().access_token_seconds) - _CLOCKS_APART
