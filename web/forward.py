"""POST /message/v1/forward"""

from typing import Any

from actions import forward, send
from infra import limits
from messaging import forward_schemas
from messaging.errors import Code, Refused
from messaging.forward import Target
from web import auth, caller
from web.json import Blueprint
from web.openapi import refuses

bp = Blueprint("forward", __name__)


@bp.post("/message/v1/forward")
@refuses(Code.NO_SUCH_MESSAGE, Code.MESSAGE_TYPE)
@bp.arguments(forward_schemas.Forward)
@bp.response(200, forward_schemas.Forwarded, dump=False)
def forward_messages(body: dict[str, Any]) -> dict[str, Any]:
    """Send copies of messages that the caller can see to users and groups.

    What one of them refuses does not stop the others. A repeated call with the same `client_msg_id` stores only what
    is not stored yet.
    """
    targets = [Target(each.get("to_user_id", 0), each.get("group_id", 0)) for each in body.pop("to")]
    limits.count_copies(len(targets) * len(body["message_ids"]))
    try:
        messages, failed = forward.forward(auth.user_id(), targets=targets, gone=caller.gone(), **body)
    except send.TooLate as error:  # reaches only a client that closed just its own direction
        raise Refused(Code.UNAVAILABLE, "the connection was closed before all were stored", retry_after=1) from error
    return {"messages": messages, "failed": [_failed(*each) for each in failed.items()]}


def _failed(target: Target, code: Code) -> dict[str, int]:
    return {name: id_ for name, id_ in target._asdict().items() if id_} | {"code": code}
