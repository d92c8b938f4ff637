"""Requests of unmodified IM-Zero callers that REST would refuse, and their answers (RPC_LEGACY_CALLERS)."""

from typing import Any

import orjson
from marshmallow import Schema

from infra.settings import settings
from messaging.conversation_id import participants

_TEXT = "text"  # where an extra that is no JSON object is kept
_BOUNDED = ("page", "limit", "last_message_id")


def serves() -> bool:
    """Returns whether legacy callers are served."""
    return settings().rpc_legacy_callers


def lenient(schema: Schema, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of a request as REST takes them, without a page, limit or last_message_id out of range."""
    fields = {name: value for name, value in given.items() if name not in _BOUNDED or _fits(schema, name, value)}
    if "conversation_id" in fields:
        fields["conversation_id"] = canonical(fields["conversation_id"])
    return fields


def canonical(conversation_id: str) -> str:
    """Returns `1_2` for `2_1`: IM-Zero puts the sender's id first. Any other id is returned unchanged."""
    turned = "_".join(reversed(conversation_id.split("_")))
    return turned if participants(turned) else conversation_id


def kept(extra: str) -> dict[str, Any]:
    """Returns the object to store for an `extra`: the JSON object that it is, or one that holds it as text."""
    try:
        decoded = orjson.loads(extra)
    except orjson.JSONDecodeError:
        decoded = None
    return decoded if isinstance(decoded, dict) else {_TEXT: extra}


def given_back(extra: dict[str, Any]) -> str | None:
    """Returns the text that `kept` has stored in an object, None when the object holds no such text alone."""
    return extra[_TEXT] if extra.keys() == {_TEXT} and isinstance(extra[_TEXT], str) else None


def _fits(schema: Schema, name: str, value: Any) -> bool:
    return not schema.validate({name: value}, partial=True)
