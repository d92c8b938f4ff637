"""POST /user/v1/register, /login, /refresh, /logout, /password and /delete"""

import uuid
from typing import Any

from actions import login
from infra import tokens
from infra.limits import PASSWORDS, limited_to
from messaging import user_schemas
from messaging.errors import Code, Refused
from messaging.login import SignedIn
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("login", __name__)


@bp.post("/user/v1/register")
@auth.public
@refuses(Code.USERNAME_TAKEN)
@limited_to(PASSWORDS)
@bp.arguments(user_schemas.Registration)
@bp.response(200, user_schemas.SignedIn)
def register(body: dict[str, Any]) -> dict[str, Any]:
    """Create a user and sign them in."""
    return _signed_in(login.register(**body, address=auth.address()))


@bp.post("/user/v1/login")
@auth.public
@refuses(Code.WRONG_CREDENTIALS)
@limited_to(PASSWORDS)
@bp.arguments(user_schemas.Credentials)
@bp.response(200, user_schemas.SignedIn)
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Sign in. After ten wrong passwords within a quarter of an hour, the username is refused until its end.

    An IP address that has signed in with that username before has ten attempts of its own.
    """
    return _signed_in(login.login(**body, address=auth.address()))


@bp.post("/user/v1/refresh")
@auth.public
@bp.doc(security=[{"refresh": []}])
@bp.arguments(user_schemas.Nothing)
@bp.response(200, user_schemas.TokenPair)
def refresh_tokens(_body: dict[str, Any]) -> tokens.Pair:
    """Exchange a refresh token for a new pair of tokens. Using a refresh token twice ends the whole login."""
    claims = auth.bearer("refresh")
    token_id, family = claims.token_id, claims.family
    if token_id is None or family is None:
        raise Refused(Code.UNAUTHENTICATED, "the token is not valid")
    if not login.spend_refresh(token=claims, token_id=token_id, family=family, expires_at=claims.expires_at):
        raise Refused(Code.UNAUTHENTICATED, "the token is not valid")
    return tokens.issue(claims.user_id, family, claims.generation or 0)


@bp.post("/user/v1/logout")
@refuses(Code.FORBIDDEN)
@bp.arguments(user_schemas.Logout)
@bp.response(200, user_schemas.Nothing)
def log_out(body: dict[str, Any]) -> dict[str, Any]:
    """End this login, or with `everywhere` all of the caller's: their access and refresh tokens are revoked."""
    claims = auth.claims()
    family = claims.family or claims.token_id
    if family is None and not body["everywhere"]:
        raise Refused(Code.FORBIDDEN, "this token has no id by which it could be revoked")
    login.log_out(user_id=claims.user_id, family=family, expires_at=claims.expires_at, everywhere=body["everywhere"])
    return {}


@bp.post("/user/v1/password")
@refuses(Code.NOT_FOUND, Code.WRONG_CREDENTIALS)
@limited_to(PASSWORDS)
@bp.arguments(user_schemas.PasswordChange)
@bp.response(200, user_schemas.SignedIn)
def change_password(body: dict[str, Any]) -> dict[str, Any]:
    """Change the caller's password. All their logins end; the answer holds the tokens of a new one."""
    return _signed_in(login.change_password(user_id=auth.user_id(), **body, address=auth.address()))


@bp.post("/user/v1/delete")
@refuses(Code.NOT_FOUND, Code.WRONG_CREDENTIALS)
@limited_to(PASSWORDS)
@bp.arguments(user_schemas.AccountClosing)
@bp.response(200, user_schemas.Nothing)
def close_account(body: dict[str, Any]) -> dict[str, Any]:
    """Close the caller's account for good. Their messages stay with the recipients."""
    login.close_account(user_id=auth.user_id(), **body, address=auth.address())
    return {}


def _signed_in(found: SignedIn) -> dict[str, Any]:
    pair = tokens.issue(found.user["id"], uuid.uuid4().hex, found.generation)
    return {
        "user": found.user,
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "expires_in": pair.expires_in,
    }
