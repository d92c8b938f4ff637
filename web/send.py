"""POST /message/v1/send"""

from typing import Any

from actions import send
from infra.limits import SENDS, limited_to
from messaging import draft, schemas
from messaging.errors import Code, Refused
from web import auth, caller
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("send", __name__)


@bp.post("/message/v1/send")
@refuses(
    *(Code.MESSAGE_TYPE, Code.CLIENT_MSG_ID_REUSED, Code.NOT_FRIENDS),
    *(Code.NO_SUCH_GROUP, Code.GROUP_DISSOLVED, Code.ROLE_TOO_LOW, Code.MUTED),
    *(Code.NO_SUCH_MESSAGE, Code.NO_SUCH_MEDIA),
)
@limited_to(SENDS)
@bp.arguments(schemas.Send)
@bp.response(200, schemas.Sent, dump=False)
def send_message(body: dict[str, Any]) -> dict[str, Any]:
    """Send a message. 200 means that it is stored durably.

    A repeated call with the same `client_msg_id` stores nothing, and is answered with the stored message.
    """
    try:
        sent = send.submit(draft.make(auth.user_id(), **body), gone=caller.gone())
    except send.TooLate as error:  # reaches only a client that closed just its own direction
        raise Refused(Code.UNAVAILABLE, "the connection was closed before the message's turn", retry_after=1) from error
    return {"message": sent.message, "duplicate": sent.duplicate}
