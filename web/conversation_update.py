"""POST /message/v1/conversation/update"""

from typing import Any

from actions import directory
from actions.poke import poke
from db.session import Rule, write
from messaging import schemas
from messaging.conversation_update import Arranged, arrange
from messaging.errors import Code
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("conversation_update", __name__)


@bp.post("/message/v1/conversation/update")
@refuses(Code.NO_SUCH_CONVERSATION, Code.ROLE_TOO_LOW)
@bp.arguments(schemas.ArrangeRequest)
@bp.response(200, schemas.Arranged)
def update_conversation(body: dict[str, Any]) -> Arranged:
    """Put a conversation on top, mute it, or hide it until its next message, for the caller alone."""
    return directory.named(_write_and_poke, arrange, user_id=auth.user_id(), **body)


def _write_and_poke(rule: Rule[[], Arranged]) -> Arranged:
    """Poke right after COMMIT: the user's other devices do not wait for a directory outside to give a name."""
    done = write(rule)
    poke(done.shard)
    return done
