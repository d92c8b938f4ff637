"""Reading from the tables which tokens were revoked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.revoked_token import RevokedToken
from db.revoked_user import RevokedUser
from infra.settings import settings

_CLOCKS_APART = timedelta(hours=2)  # tokens expire by the clocks of processes, the tables use the database's clock


class Token(Protocol):
    """The claims of a token that decide whether it was revoked; times are Unix seconds."""

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
    """The end of all logins of a user. It covers the tokens of lower generations than `generation`.

    Of the tokens without a generation it covers those issued before `issued_before`, in Unix seconds.
    """

    generation: int
    issued_before: int
    at: datetime

    def covers(self, token: Token) -> bool:
        """Returns whether the token is of a login that was ended; without generation and issue time, it always is."""
        if token.generation is not None:
            return token.generation < self.generation
        return token.issued_at is None or token.issued_at < self.issued_before


@dataclass(frozen=True, slots=True)
class News:
    """Revoked ids with the times of revocation, and ended users by id, oldest first; `now` is the database's clock."""

    ids: dict[str, datetime]
    users: dict[int, Ended]
    now: datetime


def news(session: Session, now: datetime, *, since: datetime | None) -> News:
    """Returns the revocations after `since`, None for all, that can cover an access token which has not expired."""
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
    """Returns a row as the end of its user's logins."""
    return Ended(row.generation, int(row.issued_before.replace(tzinfo=UTC).timestamp()), row.update_time)


def born(now: datetime) -> datetime:
    """Returns a time such that every access token issued before it has expired."""
    return now - timedelta(seconds=settings().access_token_seconds) - _CLOCKS_APART
