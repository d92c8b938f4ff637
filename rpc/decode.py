"""Decoding of requests: 0 and "" mean absent, and all other values must pass the schemas of REST."""

from typing import Any

import orjson
from google.protobuf.message import Message
from marshmallow import Schema, ValidationError

from messaging.errors import Code, Refused
from messaging.fields import MAX_ID
from rpc import legacy


def body(schema: Schema, request: Message) -> dict[str, Any]:
    """Returns the fields of `schema` that the request carries, checked. Raises Refused(INVALID)."""
    known = request.DESCRIPTOR.fields_by_name
    given = {name: value for name in schema.fields if name in known and (value := getattr(request, name))}
    if legacy.serves():
        given = legacy.lenient(schema, given)
    if "extra" in given:
        given["extra"] = legacy.kept(given["extra"]) if legacy.serves() else _json(given["extra"])
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        messages: Any = error.messages
        raise Refused(Code.INVALID, fields=messages) from error
    return loaded


def user(request: Any, field: str = "user_id") -> int:
    """Returns the id of the user on whose behalf the service calls. Raises Refused(INVALID) when it is missing."""
    user_id: int = getattr(request, field)
    if not 0 < user_id <= MAX_ID:
        raise Refused(Code.INVALID, fields={field: ["Missing, or out of range."]})
    return user_id


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(Code.INVALID, fields={"extra": ["Is not JSON."]}) from error
