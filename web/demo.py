"""The demo client at `/`: static files."""

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from web.auth import public

bp = Blueprint("demo", __name__)


@bp.get("/")
@public
def index() -> Response:
    return current_app.send_static_file("index.html")


@bp.get("/demo.json")
@public
def users() -> ResponseReturnValue:
    """Who can be signed in with one click: nobody but in the embedded service."""
    return {"users": current_app.config.get("DEMO_USERS") or []}
