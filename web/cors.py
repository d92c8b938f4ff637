"""CORS: pages of the origins in ALLOWED_ORIGINS may call REST, with a token and never with cookies."""

from flask import Flask, Response, request

from infra.settings import settings
from web import request_id

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Range, traceparent",
    "Access-Control-Max-Age": "7200",  # the longest that Chromium keeps one
}
_EXPOSED = f"Retry-After, ETag, Content-Range, {request_id.HEADER}"


def register(app: Flask) -> None:
    """Answer preflights, and add the CORS headers to every answer, errors too.

    Register it before auth: a preflight carries no token.
    """
    app.before_request(_preflight)
    app.after_request(_mark)


def _preflight() -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    return Response(status=204, headers=_PREFLIGHT if _is_allowed() else None)


def _mark(response: Response) -> Response:
    if not settings().allowed_origins:
        return response
    response.vary.add("Origin")
    if _is_allowed():
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def _is_allowed() -> bool:
    return request.headers.get("Origin") in settings().allowed_origins
