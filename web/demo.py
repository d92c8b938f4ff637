"""The demo client at `/`, made of static files."""

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from web.auth import public

bp = Blueprint("demo", __name__)


@bp.get("/")
@public
def index() -> Response:
    """Answer with the page of the demo client."""
    return current_app.send_static_file("index.html")


@bp.get("/demo.json")
@public
def users() -> ResponseReturnValue:
    """Answer with the users who can be signed in with one click; there are some only in the embedded service."""
    return {"users": current_app.config.get("DEMO_USERS") or []}
