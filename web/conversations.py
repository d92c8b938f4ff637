"""POST /message/v1/conversations and /message/v1/unread"""

from typing import Any

from actions import directory
from db.session import read
from messaging import schemas
from messaging.conversations import Conversations, conversations, unread
from messaging.errors import Code
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("conversations", __name__)


@bp.post("/message/v1/conversations")
@bp.arguments(schemas.ConversationsRequest)
@bp.response(200, schemas.Conversations)
def list_conversations(body: dict[str, Any]) -> Conversations:
    """List a page of the caller's conversations: those on top first, then by their newest message."""
    return directory.named(read, conversations, user_id=auth.user_id(), **body)


@bp.post("/message/v1/unread")
@refuses(Code.NO_SUCH_CONVERSATION)
@bp.arguments(schemas.UnreadRequest)
@bp.response(200, schemas.Unread)
def count_unread(body: dict[str, Any]) -> dict[str, int]:
    """Count the unread messages of one conversation, or of all that are neither muted nor hidden."""
    return {"count": read(unread, user_id=auth.user_id(), **body)}
