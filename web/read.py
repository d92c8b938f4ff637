"""POST /message/v1/read"""

from typing import Any

from actions.poke import poke
from db.session import write
from messaging import schemas
from messaging.errors import Code
from messaging.read import Read, read
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("read", __name__)


@bp.post("/message/v1/read")
@refuses(Code.NO_SUCH_CONVERSATION, Code.NO_SUCH_MESSAGE, Code.FORBIDDEN)
@bp.arguments(schemas.ReadRequest)
@bp.response(200, schemas.Read)
def read_messages(body: dict[str, Any]) -> Read:
    """Mark as read one message (message_id), a conversation (conversation_id), or all up to a message (both).

    In a group message_id alone also means all up to it.
    """
    done = write(read, user_id=auth.user_id(), **body)
    poke(done.shard)
    return done
