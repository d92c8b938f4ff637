"""What unmodified IM-Zero callers send that REST would refuse, and what they get back (RPC_LEGACY_CALLERS)."""

from typing import Any

import orjson
from marshmallow import Schema

from infra.settings import settings
from messaging.conversation_id import participants

_TEXT = "text"  # where an extra that is no JSON object is kept
_BOUNDED = ("page", "limit", "last_message_id")


def serves() -> bool:
    """Returns whether such callers are served."""
    return settings().rpc_legacy_callers


def lenient(schema: Schema, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of a request as REST wants them: a page or limit out of range means its default."""
    fields = {name: value for name, value in given.items() if name not in _BOUNDED or _fits(schema, name, value)}
    if "conversation_id" in fields:
        fields["conversation_id"] = canonical(fields["conversation_id"])
    return fields


def canonical(conversation_id: str) -> str:
    """Returns `1_2` for `2_1`: IM-Zero names a conversation for its sender. Any other id stays as it is."""
    turned = "_".join(reversed(conversation_id.split("_")))
    return turned if participants(turned) else conversation_id


def kept(extra: str) -> dict[str, Any]:
    """Returns what to store of an `extra`: the object that it is, or one that holds it as text."""
    try:
        decoded = orjson.loads(extra)
    except orjson.JSONDecodeError:
        decoded = None
    return decoded if isinstance(decoded, dict) else {_TEXT: extra}


def given_back(extra: dict[str, Any]) -> str | None:
    """Returns the text that `kept` has stored, None for an object."""
    return extra[_TEXT] if extra.keys() == {_TEXT} and isinstance(extra[_TEXT], str) else None


def _fits(schema: Schema, name: str, value: Any) -> bool:
    return not schema.validate({name: value}, partial=True)
