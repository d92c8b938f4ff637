"""POST /friend/v1/request, /handle, /requests, /list, /delete, /block, /unblock and /blocks"""

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
    """Ask a user to be friends. If they have already asked the caller, the two become friends at once."""
    asked = write(friends.request, user_id=auth.user_id(), **body)
    tell(asked.news)
    return {"request_id": asked.request_id}


@bp.post("/friend/v1/handle")
@refuses(Code.NO_SUCH_REQUEST, Code.REQUEST_HANDLED)
@bp.arguments(user_schemas.RequestHandled)
@bp.response(200, user_schemas.Nothing)
def handle_friend_request(body: dict[str, Any]) -> dict[str, Any]:
    """Accept or reject a friend request made to the caller."""
    tell(write(friends.handle, user_id=auth.user_id(), **body))
    return {}


@bp.post("/friend/v1/requests")
@bp.arguments(user_schemas.Paged)
@bp.response(200, user_schemas.RequestPage)
def list_friend_requests(body: dict[str, Any]) -> dict[str, Any]:
    """List a page of the friend requests that wait for the caller's answer, the newest first."""
    found, total = read(friends.requests, user_id=auth.user_id(), **body)
    return {"requests": found, "total": total}


@bp.post("/friend/v1/list")
@bp.arguments(user_schemas.Paged)
@bp.response(200, user_schemas.FriendPage)
def list_friends(body: dict[str, Any]) -> dict[str, Any]:
    """List a page of the caller's friends, also those whom the caller has blocked."""
    found, total = read(friends.friends, user_id=auth.user_id(), **body)
    return {"friends": found, "total": total}


@bp.post("/friend/v1/delete")
@bp.arguments(user_schemas.UserNamed)
@bp.response(200, user_schemas.Nothing)
def delete_friend(body: dict[str, Any]) -> dict[str, Any]:
    """End a friendship for both users. It does nothing when they are no friends."""
    tell(write(friends.unfriend, user_id=auth.user_id(), other_id=body["user_id"]))
    return {}


@bp.post("/friend/v1/block")
@refuses(Code.NOT_FOUND)
@bp.arguments(user_schemas.UserNamed)
@bp.response(200, user_schemas.Nothing)
def block_user(body: dict[str, Any]) -> dict[str, Any]:
    """Block a user, who does not learn of it: no messages pass between them and the caller, either way.

    Their open friend request is dismissed; a friendship stays.
    """
    write(friends.block, user_id=auth.user_id(), other_id=body["user_id"])
    return {}


@bp.post("/friend/v1/unblock")
@bp.arguments(user_schemas.UserNamed)
@bp.response(200, user_schemas.Nothing)
def unblock_user(body: dict[str, Any]) -> dict[str, Any]:
    """Undo a block. It does nothing when there is none."""
    user_id, other_id = auth.user_id(), body["user_id"]
    if write(friends.unblock, user_id=user_id, other_id=other_id):
        reunite(user_id, other_id)
    return {}


@bp.post("/friend/v1/blocks")
@bp.arguments(user_schemas.Paged)
@bp.response(200, user_schemas.UserPage)
def list_blocked_users(body: dict[str, Any]) -> dict[str, Any]:
    """List a page of the users whom the caller has blocked."""
    found, total = read(friends.blocks, user_id=auth.user_id(), **body)
    return {"users": found, "total": total}
