"""POST /message/v1/sync"""

from typing import Any

from actions import directory
from db.session import read
from messaging import schemas
from messaging.sync import Sync, sync
from web import auth
from web.json import Blueprint

bp = Blueprint("sync", __name__)


@bp.post("/message/v1/sync")
@bp.arguments(schemas.SyncRequest)
@bp.response(200, schemas.Sync)
def sync_conversations(body: dict[str, Any]) -> Sync:
    """Get what the caller's client missed. `heads` and `changes` say how far it has got in each conversation."""
    return directory.named(read, sync, user_id=auth.user_id(), **body)
