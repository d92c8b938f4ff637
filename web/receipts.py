"""POST /message/v1/receipts"""

from typing import Any

from db.session import read
from messaging import schemas
from messaging.errors import Code
from messaging.receipts import Receipts, receipts
from web import auth
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("receipts", __name__)


@bp.post("/message/v1/receipts")
@refuses(Code.NO_SUCH_MESSAGE, Code.ROLE_TOO_LOW)
@bp.arguments(schemas.ReceiptsRequest)
@bp.response(200, schemas.Receipts)
def get_receipts(body: dict[str, Any]) -> Receipts:
    """Count the members of a group who have received and who have read a message, and list a page of its readers."""
    return read(receipts, user_id=auth.user_id(), **body)
