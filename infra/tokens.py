"""JWTs of the REST and WebSocket doors: how they are issued, and verified in the same way by both.

The rules are stricter than PyJWT's: a token without `exp` is refused, `sub` must be a decimal string, and every failure
raises one exception, so that a door answers 401 and nothing else.
"""

import re
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import jwt

from infra.ids import MAX_ID as _MAX_ID
from infra.settings import settings

_USER_ID = re.compile(r"[1-9][0-9]{0,15}")
_NAME = re.compile(r"[!-~]{1,64}")  # names that every database can store a revocation under
_GENERATION = "im_gen"  # an unusual name: another issuer's token must not carry it by chance
_ALGORITHM = "HS256"  # the only one: a token signed otherwise is a forgery
_MOST_REMEMBERED = 20_000  # tokens; a few megabytes

_verified: dict[tuple[str, ...], "Claims"] = {}


class InvalidToken(Exception):
    """The token is absent, forged, expired, of another kind, or names no user."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The user and the login that a token speaks for. Times are Unix seconds.

    A foreign issuer's token may lack the fields that may be None. `generation` says how often all logins of the user
    had been ended when this one began.
    """

    user_id: int
    expires_at: int
    token_id: str | None
    family: str | None
    generation: int | None = None
    issued_at: int | None = None

    @property
    def revocable(self) -> tuple[str, ...]:
        """The ids under which this token can have been revoked."""
        return tuple(name for name in (self.token_id, self.family) if name)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two tokens of a login. `expires_in` is the access token's lifetime in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def issue(user_id: int, family: str, generation: int) -> Pair:
    """Returns a new pair of tokens for a user.

    `family` names the login; every pair made by refreshing keeps the login's `family` and `generation`.
    """
    now, access_seconds = int(time.time()), settings().access_token_seconds
    claims = {settings().jwt_identity_claim: str(user_id), "iat": now, "fam": family, _GENERATION: generation}
    return Pair(
        access_token=_signed(claims, "access", now + access_seconds),
        refresh_token=_signed(claims, "refresh", now + settings().refresh_token_seconds),
        expires_in=access_seconds,
    )


def issue_access(user_id: int, seconds: int) -> str:
    """Returns an access token that is good for `seconds` and belongs to no login. The end of all logins ends it."""
    now = int(time.time())
    return _signed({settings().jwt_identity_claim: str(user_id), "iat": now}, "access", now + seconds)


def _signed(claims: dict[str, Any], kind: str, expires_at: int) -> str:
    own = {"type": kind, "exp": expires_at, "jti": str(uuid4())}
    return jwt.encode(claims | own, settings().jwt_secret, _ALGORITHM)


def verify(raw: str, *, kind: str = "access") -> Claims:
    """Returns a token's claims. Raises InvalidToken, also for the wrong `kind` ("access", "refresh").

    Revocation is not checked here. A verified token is remembered: of it only the expiry is checked again.
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
        # Whom a token is for is not looked at: an existing user centre may write that for its own services.
        decoded = jwt.decode(raw, settings().jwt_secret, [_ALGORITHM], {"verify_aud": False})
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise InvalidToken(str(error)) from error
    if decoded.get("type", "access") != kind or not isinstance(decoded.get("exp"), int):
        raise InvalidToken("wrong kind, or without exp")
    return Claims(
        user_id=_user_id(decoded.get(settings().jwt_identity_claim)),
        expires_at=decoded["exp"],
        token_id=_name(decoded.get("jti")),
        family=_name(decoded.get("fam")),
        generation=_generation(decoded.get(_GENERATION)),
        issued_at=int(decoded["iat"]) if "iat" in decoded else None,  # PyJWT has checked that it is a number
    )


def _name(given: Any) -> str | None:
    """Returns a token's or login's name, None for none. Raises InvalidToken for one that could not be revoked."""
    if given is None or given == "":
        return None
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise InvalidToken("jti or fam is no text of up to 64 printable ASCII characters")
    return given


def _generation(given: Any) -> int | None:
    if given is not None and (type(given) is not int or not 0 <= given <= _MAX_ID):
        raise InvalidToken(f"{_GENERATION} is no generation")
    return given


def _user_id(identity: Any) -> int:
    numeric = isinstance(identity, int) and not isinstance(identity, bool) and settings().jwt_identity_claim != "sub"
    if not numeric and not (isinstance(identity, str) and _USER_ID.fullmatch(identity)):
        raise InvalidToken("identity is not a user id")
    if not 0 < int(identity) <= _MAX_ID:
        raise InvalidToken("identity is out of range")
    return int(identity)
