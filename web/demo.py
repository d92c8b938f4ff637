"""The demo client at `/`: static files, confined to this origin."""

from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue

from web.auth import public

bp = Blueprint("demo", __name__)

_CONFINED = {"static", "demo.index", "demo.users"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@bp.get("/")
@public
def index() -> Response:
    return current_app.send_static_file("index.html")


@bp.get("/demo.json")
@public
def users() -> ResponseReturnValue:
    """Who can be signed in with one click: nobody but in the embedded service."""
    return {"users": current_app.config.get("DEMO_USERS") or []}


@bp.after_app_request
def _confine(response: Response) -> Response:
    if request.endpoint in _CONFINED:
        response.headers.update(_HEADERS)
    return response
