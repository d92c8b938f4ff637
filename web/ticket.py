"""POST /message/v1/ws/ticket"""

from dataclasses import asdict
from typing import Any

from db.session import write
from messaging import schemas, tickets, user_schemas
from web import auth
from web.json import Blueprint

bp = Blueprint("ticket", __name__)


@bp.post("/message/v1/ws/ticket")
@bp.arguments(user_schemas.Nothing)
@bp.response(200, schemas.TicketIssued)
def issue_ticket(_body: dict[str, Any]) -> dict[str, Any]:
    """Issue a ticket that opens one WebSocket, for clients that cannot send a header."""
    claims = asdict(auth.claims())
    ticket = write(tickets.issue, claims=claims)
    return {"ticket": ticket, "expires_in": tickets.LIFETIME}
