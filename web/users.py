"""POST /user/v1/me, /update and /search"""

from typing import Any

from db.session import read, write
from messaging import user_schemas, users
from messaging.errors import Code
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("users", __name__)


@bp.post("/user/v1/me")
@refuses(Code.NOT_FOUND)
@bp.arguments(user_schemas.Nothing)
@bp.response(200, user_schemas.UserAnswer)
def get_me(_body: dict[str, Any]) -> dict[str, Any]:
    """Get the caller's own profile."""
    return {"user": read(users.profile, user_id=auth.user_id())}


@bp.post("/user/v1/update")
@refuses(Code.NOT_FOUND)
@bp.arguments(user_schemas.UserUpdate)
@bp.response(200, user_schemas.UserAnswer)
def update_me(body: dict[str, Any]) -> dict[str, Any]:
    """Change the caller's nickname, avatar or both."""
    return {"user": write(users.change, user_id=auth.user_id(), **body)}


@bp.post("/user/v1/search")
@bp.arguments(user_schemas.UserSearch)
@bp.response(200, user_schemas.UserPage)
def search_users(body: dict[str, Any]) -> dict[str, Any]:
    """List a page of the other users whose username or nickname begins with the keyword."""
    found, total = read(users.search, user_id=auth.user_id(), **body)
    return {"users": found, "total": total}
