"""Decoding of requests: 0 and "" mean absent, and all other values must pass the schemas of REST."""

from typing import Any

import orjson
from google.protobuf.message import Message
from marshmallow import Schema, ValidationError

from messaging.errors import Code, Refused
from messaging.fields import MAX_ID
from rpc import legacy


def body(schema: Schema, request: Message, **named: Any) -> dict[str, Any]:
    """Returns the fields of `schema` that the request carries, and those `named` apart, checked.

    Raises Refused: INVALID, and the codes that the schema's own fields have.
    """
    known = request.DESCRIPTOR.fields_by_name
    given = {name: _value(request, known[name]) for name in schema.fields if name in known}
    given = {name: value for name, value in given.items() if value is not None} | named
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
    return _id(request, field)


def group(request: Any) -> int:
    """Returns the id of the group that the call concerns. Raises Refused(INVALID) when it is missing."""
    return _id(request, "group_id")


def _id(request: Any, field: str) -> int:
    found: int = getattr(request, field)
    if not 0 < found <= MAX_ID:
        raise Refused(Code.INVALID, fields={field: ["Missing, or out of range."]})
    return found


def _value(request: Message, field: Any) -> Any:
    """Returns the value of a field, None when it is absent. A flag with presence may be absent or false."""
    if field.has_presence:
        return getattr(request, field.name) if request.HasField(field.name) else None
    value = getattr(request, field.name)
    return (list(value) if field.is_repeated else value) or None


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(Code.INVALID, fields={"extra": ["Is not JSON."]}) from error
