"""Authentication of a socket, before the upgrade, while an HTTP status can still be answered."""

from urllib.parse import urlsplit

from flask import Response, g, request

from actions.revocations import revocations
from db.errors import DatabaseUnavailable
from db.session import read, write
from infra import limits
from infra.settings import settings
from infra.tokens import Claims, InvalidToken, verify
from messaging import tickets

SUBPROTOCOL = "bearer"


def authenticate() -> Response | None:
    """Store the caller's claims in `g.claims` and return None, or return a 401, 403 or 503 instead of an upgrade.

    Raises TooManyRequests when the caller's address has tried too many invalid tokens and tickets.
    """
    if not _own_origin():
        return Response("foreign origin", 403)
    try:
        claims = _claims()
        if claims is None or revocations().revoked(claims):
            return _refused()
    except InvalidToken:
        return _refused()
    except DatabaseUnavailable:
        return Response("temporarily unavailable", 503, {"Retry-After": "1"})
    if request.args.get("user_id", str(claims.user_id)) != str(claims.user_id):
        return Response("user_id is not the token's", 403)
    g.claims = claims
    return None


def _refused() -> Response:
    limits.token_refused()
    return Response("no valid token", 401, {"WWW-Authenticate": "Bearer"})


def _own_origin() -> bool:
    """Returns whether Origin is ours, or absent (no browser): no other site may use a visitor's ticket or cookies."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host or origin in settings().allowed_origins


def _claims() -> Claims | None:
    """Returns the claims of the first of header, ticket and subprotocol, None if there is none. Raises InvalidToken.

    A JWT in the query string is not looked for: URLs are logged.
    """
    scheme, _, raw = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return verify(raw.strip())
    if ticket := request.args.get("ticket"):
        return _of_ticket(ticket)
    offered = [part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if len(offered) == 2 and offered[0] == SUBPROTOCOL:
        return verify(offered[1])
    return None


def _of_ticket(ticket: str) -> Claims | None:
    if not read(tickets.known, ticket=ticket):
        return None
    redeemed = write(tickets.redeem, ticket=ticket)
    return Claims(**redeemed) if redeemed else None
