"""POST /message/v1/history"""

from typing import Any

from db.session import read
from messaging import schemas
from messaging.errors import Code
from messaging.history import History, history
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("history", __name__)


@bp.post("/message/v1/history")
@refuses(Code.NO_SUCH_CONVERSATION, Code.NO_SUCH_MESSAGE)
@bp.arguments(schemas.HistoryRequest)
@bp.response(200, schemas.History)
def get_history(body: dict[str, Any]) -> History:
    """Get a page of one conversation in ascending order, without deleted and hidden messages.

    It holds the newest messages, those before `before_seq` or `last_message_id`, or those after `after_seq`.
    """
    return read(history, user_id=auth.user_id(), **body)
