"""POST /user/v1/me, /update, /search"""

from typing import Any

from db.session import run
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
    """The caller."""
    user_id = auth.user_id()
    return {"user": run(lambda session, now: users.profile(session, now, user_id=user_id), write=False)}


@bp.post("/user/v1/update")
@refuses(Code.NOT_FOUND)
@bp.arguments(user_schemas.UserUpdate)
@bp.response(200, user_schemas.UserAnswer)
def update_me(body: dict[str, Any]) -> dict[str, Any]:
    """Change the caller's nickname, avatar or both."""
    user_id = auth.user_id()
    return {"user": run(lambda session, now: users.change(session, now, user_id=user_id, **body))}


@bp.post("/user/v1/search")
@bp.arguments(user_schemas.UserSearch)
@bp.response(200, user_schemas.UserPage)
def search_users(body: dict[str, Any]) -> dict[str, Any]:
    """Others whose username or nickname begins with the keyword."""
    user_id = auth.user_id()
    found, total = run(lambda session, now: users.search(session, now, user_id=user_id, **body), write=False)
    return {"users": found, "total": total}
