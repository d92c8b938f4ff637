"""POST /message/v1/send"""

from typing import Any

from infra.limits import SENDS, limited_to
from messaging import draft, schemas
from messaging.send import Sent
from web import auth
from web.json import Blueprint
from workers import send

bp = Blueprint("send", __name__)


@bp.post("/message/v1/send")
@limited_to(SENDS)
@bp.arguments(schemas.Send)
@bp.response(200, schemas.Sent)
def send_message(body: dict[str, Any]) -> Sent:
    """Store a message; 200 means that it is stored for good."""
    return send.submit(draft.make(auth.user_id(), **body))
