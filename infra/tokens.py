"""JWTs of the REST and WebSocket doors: issued and verified here, the same way in both.

Stricter than flask-jwt-extended alone: a token without `exp` is refused, `sub` must be a decimal string, and every
failure is one exception, so that a door answers 401 and nothing else.
"""

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException

from infra.ids import MAX_ID as _MAX_ID
from infra.settings import settings

_USER_ID = re.compile(r"[1-9][0-9]{0,15}")
_MOST_REMEMBERED = 20_000  # a few megabytes

_verified: dict[tuple[str, ...], "Claims"] = {}


class InvalidToken(Exception):
    """The token is absent, forged, expired, of another kind, or names nobody."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token speaks for. `expires_at` is Unix seconds; a foreign issuer's token may lack id and family."""

    user_id: int
    expires_at: int
    token_id: str | None
    family: str | None

    @property
    def revocable(self) -> tuple[str, ...]:
        """The ids under which this token can have been revoked."""
        return tuple(name for name in (self.token_id, self.family) if name)


@dataclass(frozen=True, slots=True)
class Pair:
    """What a login gets. `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def configure(app: Flask) -> None:
    """Make `issue` and `verify` usable inside `app`'s context. HS256 alone: `none` and the rest are forgeries."""
    app.config.update(
        JWT_SECRET_KEY=settings().jwt_secret,
        JWT_ALGORITHM="HS256",
        JWT_DECODE_ALGORITHMS=["HS256"],
        JWT_IDENTITY_CLAIM=settings().jwt_identity_claim,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings().access_token_seconds),
        JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=settings().refresh_token_seconds),
    )
    JWTManager(app)


def issue(user_id: int, family: str) -> Pair:
    """A new pair for a user. `family` names the login that it belongs to, and is shared by all its refreshes."""
    claims = {"fam": family}
    return Pair(
        access_token=create_access_token(str(user_id), additional_claims=claims),
        refresh_token=create_refresh_token(str(user_id), additional_claims=claims),
        expires_in=settings().access_token_seconds,
    )


def verify(raw: str, *, kind: str = "access") -> Claims:
    """The claims of a token of that kind ("access" or "refresh"). Raises InvalidToken. Revocation is not looked at.

    A token that was verified before is remembered: its signature cannot have changed, its end is looked at again.
    """
    key = (raw, kind, settings().jwt_secret, settings().jwt_identity_claim)
    known = _verified.get(key)
    if known is None:
        known = _verified[key] = _decoded(raw, kind)
        if len(_verified) > _MOST_REMEMBERED:
            del _verified[next(iter(_verified))]
    if known.expires_at <= time.time():
        raise InvalidToken("expired")
    return known


def _decoded(raw: str, kind: str) -> Claims:
    try:
        decoded = decode_token(raw)
    except (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError) as error:
        raise InvalidToken(str(error)) from error
    if decoded["type"] != kind or not isinstance(decoded.get("exp"), int):
        raise InvalidToken("wrong kind, or without exp")
    return Claims(
        user_id=_user_id(decoded.get(settings().jwt_identity_claim)),
        expires_at=decoded["exp"],
        token_id=decoded.get("jti"),
        family=decoded.get("fam"),
    )


def _user_id(identity: Any) -> int:
    numeric = isinstance(identity, int) and not isinstance(identity, bool) and settings().jwt_identity_claim != "sub"
    if not numeric and not (isinstance(identity, str) and _USER_ID.fullmatch(identity)):
        raise InvalidToken("identity is not a user id")
    if not 0 < int(identity) <= _MAX_ID:
        raise InvalidToken("identity is out of range")
    return int(identity)
