"""POST /message/v1/recall"""

from typing import Any

from actions.poke import poke
from db.session import write
from messaging import schemas
from messaging.errors import Code
from messaging.message import wire
from messaging.recall import recall
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("recall", __name__)


@bp.post("/message/v1/recall")
@refuses(Code.NO_SUCH_MESSAGE, Code.FORBIDDEN, Code.ROLE_TOO_LOW, Code.ALREADY_WITHDRAWN, Code.RECALL_TOO_LATE)
@bp.arguments(schemas.RecallRequest)
@bp.response(200, schemas.Recalled)
def recall_message(body: dict[str, Any]) -> dict[str, Any]:
    """Recall a message that the caller sent within the last 120 s (the default of RECALL_SECONDS).

    The owner and the admins of a group recall any message of its members, at any time.
    """
    done = write(recall, user_id=auth.user_id(), **body)
    poke(done.shard)
    return {"message": wire(done.message)}
