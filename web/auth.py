"""Authentication: every route needs an access token unless it is marked `@public`."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from actions.revocations import revocations
from infra import limits, tokens
from messaging.errors import Code, Refused

# The static files and Swagger UI: views of libraries, which cannot be marked.
_PUBLIC_ENDPOINTS = {"static", "swagger_ui.show"}

View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Check the token before anything else looks at a request: a bad body without a token is 401, not 400."""
    app.before_request(_authenticate)


def public(view: View) -> View:
    """Mark a view that needs no access token."""
    view.public = True  # type: ignore[attr-defined]
    return view


def or_signed(view: View) -> View:
    """Mark a view that needs no access token where its address is signed, and checks the signature itself."""
    view.or_signed = True  # type: ignore[attr-defined]
    return view


def claims_or_none() -> tokens.Claims | None:
    """Returns the claims of the caller's verified token, None where a signed address was called without one."""
    found: tokens.Claims | None = g.get("claims")
    return found


def claims() -> tokens.Claims:
    """Returns the claims of the caller's verified token. Only for views that are not public."""
    found: tokens.Claims = g.claims
    return found


def user_id() -> int:
    """Returns the caller's user id. Only for views that are not public."""
    return claims().user_id


def address() -> str:
    """Returns the IP address of the caller, as far as the trusted proxies name it; otherwise an empty string."""
    return request.remote_addr or ""


def bearer(kind: str) -> tokens.Claims:
    """Returns the claims of this request's bearer token, of the kind "access" or "refresh".

    Raises Refused(UNAUTHENTICATED), also for a revoked access token, and TooManyRequests when the caller's address has
    tried too many invalid ones. Valid tokens are never refused so: other users may share the address.
    """
    try:
        return _verified(kind)
    except Refused:
        limits.token_refused()
        raise


def _verified(kind: str) -> tokens.Claims:
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Refused(Code.UNAUTHENTICATED, "a bearer token is required")
    try:
        found = tokens.verify(raw.strip(), kind=kind)
    except tokens.InvalidToken as error:
        raise Refused(Code.UNAUTHENTICATED, "the token is not valid") from error
    if kind == "access" and revocations().revoked(found):
        raise Refused(Code.UNAUTHENTICATED, "the token is not valid")
    return found


def _authenticate() -> None:
    endpoint = request.endpoint
    if endpoint is None or endpoint in _PUBLIC_ENDPOINTS:
        return
    view = current_app.view_functions[endpoint]
    if getattr(view, "public", False) or (getattr(view, "or_signed", False) and _is_signed()):
        return
    g.claims = bearer("access")


def _is_signed() -> bool:
    """Returns whether a signature is all that the caller has: a token goes before it."""
    return "signature" in request.args and "Authorization" not in request.headers
