"""POST /friend/v1/request, /handle, /requests, /list, /delete, /block, /unblock, /blocks"""

from typing import Any

from actions.friends import reunite, tell
from db.session import read, write
from messaging import friends, user_schemas
from messaging.errors import Code
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("friends", __name__)


@bp.post("/friend/v1/request")
@refuses(Code.BEFRIENDING_ONESELF, Code.NOT_FOUND, Code.ALREADY_FRIENDS)
@bp.arguments(user_schemas.FriendRequested)
@bp.response(200, user_schemas.RequestId)
def request_friend(body: dict[str, Any]) -> dict[str, Any]:
    """Ask somebody to be friends; if they have asked the caller already, the two are friends at once."""
    asked = write(friends.request, user_id=auth.user_id(), **body)
    tell(asked.news)
    return {"request_id": asked.request_id}


@bp.post("/friend/v1/handle")
@refuses(Code.NO_SUCH_REQUEST, Code.REQUEST_HANDLED)
@bp.arguments(user_schemas.RequestHandled)
@bp.response(200, user_schemas.Nothing)
def handle_friend_request(body: dict[str, Any]) -> dict[str, Any]:
    """Accept or reject a request made to the caller."""
    tell(write(friends.handle, user_id=auth.user_id(), **body))
    return {}


@bp.post("/friend/v1/requests")
@bp.arguments(user_schemas.Paged)
@bp.response(200, user_schemas.RequestPage)
def list_friend_requests(body: dict[str, Any]) -> dict[str, Any]:
    """Requests that wait for the caller's answer."""
    found, total = read(friends.requests, user_id=auth.user_id(), **body)
    return {"requests": found, "total": total}


@bp.post("/friend/v1/list")
@bp.arguments(user_schemas.Paged)
@bp.response(200, user_schemas.FriendPage)
def list_friends(body: dict[str, Any]) -> dict[str, Any]:
    """The caller's friends."""
    found, total = read(friends.friends, user_id=auth.user_id(), **body)
    return {"friends": found, "total": total}


@bp.post("/friend/v1/delete")
@bp.arguments(user_schemas.UserNamed)
@bp.response(200, user_schemas.Nothing)
def delete_friend(body: dict[str, Any]) -> dict[str, Any]:
    """End a friendship, for both."""
    tell(write(friends.unfriend, user_id=auth.user_id(), other_id=body["user_id"]))
    return {}


@bp.post("/friend/v1/block")
@refuses(Code.NOT_FOUND)
@bp.arguments(user_schemas.UserNamed)
@bp.response(200, user_schemas.Nothing)
def block_user(body: dict[str, Any]) -> dict[str, Any]:
    """Stop messages to and from somebody, who is not told."""
    write(friends.block, user_id=auth.user_id(), other_id=body["user_id"])
    return {}


@bp.post("/friend/v1/unblock")
@bp.arguments(user_schemas.UserNamed)
@bp.response(200, user_schemas.Nothing)
def unblock_user(body: dict[str, Any]) -> dict[str, Any]:
    """Undo a block."""
    user_id, other_id = auth.user_id(), body["user_id"]
    if write(friends.unblock, user_id=user_id, other_id=other_id):
        reunite(user_id, other_id)
    return {}


@bp.post("/friend/v1/blocks")
@bp.arguments(user_schemas.Paged)
@bp.response(200, user_schemas.UserPage)
def list_blocked_users(body: dict[str, Any]) -> dict[str, Any]:
    """Whom the caller has blocked."""
    found, total = read(friends.blocks, user_id=auth.user_id(), **body)
    return {"users": found, "total": total}
