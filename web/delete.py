"""POST /message/v1/delete"""

from typing import Any

from actions.poke import poke
from db.session import write
from messaging import schemas
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("delete", __name__)

_RULES = {"everyone": delete_for_everyone, "self": delete_for_oneself}


@bp.post("/message/v1/delete")
@refuses(Code.NO_SUCH_MESSAGE, Code.FORBIDDEN, Code.ROLE_TOO_LOW, Code.ALREADY_WITHDRAWN)
@bp.arguments(schemas.DeleteRequest)
@bp.response(200, schemas.Deleted)
def delete_message(body: dict[str, Any]) -> dict[str, Any]:
    """Delete a message for everyone, which both sender and recipient may, or for the caller alone.

    In a group its sender may delete it for everyone, and the owner and admins.
    """
    done = write(_RULES[body["scope"]], user_id=auth.user_id(), message_id=body["message_id"])
    poke(done.shard)
    return body
