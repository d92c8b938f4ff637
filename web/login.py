"""POST /user/v1/register, /login, /refresh, /logout"""

import uuid
from typing import Any

from db.session import run
from infra import logs, tokens
from infra.limits import PASSWORDS, limited_to
from messaging import login, user_schemas
from messaging.errors import Code, Refused
from messaging.revocations import revocations
from messaging.tokens import Refresh, revoke_login, spend_refresh
from web import auth
from web.json import Blueprint

log = logs.get(__name__)

bp = Blueprint("login", __name__)


@bp.post("/user/v1/register")
@auth.public
@limited_to(PASSWORDS)
@bp.doc(security=[])
@bp.arguments(user_schemas.Registration)
@bp.response(200, user_schemas.SignedIn)
def register(body: dict[str, Any]) -> dict[str, Any]:
    """Make a user and sign him in."""
    return _signed_in(login.register(**body))


@bp.post("/user/v1/login")
@auth.public
@limited_to(PASSWORDS)
@bp.doc(security=[])
@bp.arguments(user_schemas.Credentials)
@bp.response(200, user_schemas.SignedIn)
def log_in(body: dict[str, Any]) -> dict[str, Any]:
    """Sign in. Ten wrong passwords in a quarter of an hour, and the name must wait for its end."""
    return _signed_in(login.login(**body))


@bp.post("/user/v1/refresh")
@auth.public
@bp.response(200, user_schemas.TokenPair)
def refresh() -> tokens.Pair:
    """A new pair for a refresh token, which is spent by it. Using it again ends the whole login."""
    claims = auth.bearer("refresh")
    token_id, family = claims.token_id, claims.family
    if token_id is None or family is None:
        raise Refused(Code.UNAUTHENTICATED, "the token is not valid")
    spent = run(
        lambda session, now: spend_refresh(session, now, token_id=token_id, family=family, expires_at=claims.expires_at)
    )
    if spent is Refresh.REUSED:
        revocations.forget()
        log.warning("refresh_token_reused", user_id=claims.user_id)
    if spent is not Refresh.SPENT:
        raise Refused(Code.UNAUTHENTICATED, "the token is not valid")
    return tokens.issue(claims.user_id, family)


@bp.post("/user/v1/logout")
@bp.response(200, user_schemas.Nothing)
def log_out() -> dict[str, Any]:
    """End this login: its access and refresh tokens are good no longer."""
    claims = auth.claims()
    family = claims.family or claims.token_id
    if family is None:
        raise Refused(Code.FORBIDDEN, "this token has no id by which it could be revoked")
    run(lambda session, now: revoke_login(session, now, family=family, expires_at=claims.expires_at))
    revocations.forget()
    return {}


def _signed_in(user: dict[str, Any]) -> dict[str, Any]:
    pair = tokens.issue(user["id"], uuid.uuid4().hex)
    return {
        "user": user,
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token,
        "expires_in": pair.expires_in,
    }
