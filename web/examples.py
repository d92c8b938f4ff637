"""Examples for the OpenAPI description: one for each request, answer and refusal, made from its schema."""

from typing import Any

from messaging.errors import Code
from web.errors import answer_of

Json = dict[str, Any]

# By a field's name. A field's own `example` in the schema takes precedence.
_BY_NAME: Json = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    "action": "accept",
    "avatar": "",
    "change_seq": 38,
    "client_msg_id": "0b8f7c1e-5f0a-4c55-9d3e-2f1f6f0c7a11",
    "content": "Hello",
    "conversation_id": "1_2",
    "create_time": 1795472095,
    "expires_in": 86400,
    "friend_id": 2,
    "from_user_id": 1,
    "group_id": 0,
    "id": 33,
    "is_mute": False,
    "is_top": True,
    "keyword": "bo",
    "last_seq": 33,
    "limit": 20,
    "message_id": 33,
    "name": "Bob",
    "new_password": "another-password",
    "nickname": "Bob",
    "old_password": "demo-password",
    "password": "demo-password",
    "peer_delivered_seq": 33,
    "read_seq": 33,
    "refresh_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.cmVm",
    "seq": 33,
    "ticket": "k-KZ9Y3v0bqv1m7c",
    "to_user_id": 2,
    "update_time": 1795472095,
    "user_id": 2,
    "username": "bob",
}


def request(schema: Json, schemas: Json) -> Any:
    """Returns a request's example: its required fields, and those whose schema has an `example`."""
    found = resolve(schema, schemas)
    required = found.get("required", [])
    shown = [name for name, field in found["properties"].items() if name in required or "example" in field]
    return {name: _of(found["properties"][name], schemas, name) for name in shown}


def answer(schema: Json, schemas: Json) -> Any:
    """Returns an answer's example, with all its fields."""
    return _of(schema, schemas, "")


def problem(code: Code, status: int) -> Json:
    """Returns the problem document of `code`, as it is answered when there is no further detail."""
    title = answer_of(code)[1]
    shown: Json = {"type": "about:blank", "title": title, "status": status, "detail": title, "code": code}
    return shown | ({"errors": {"unheard_of": ["Unknown field."]}} if code is Code.INVALID else {})


def resolve(schema: Json, schemas: Json) -> Json:
    """Returns the schema that a reference names, or `schema` itself when it is no reference."""
    found: Json = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _of(schema: Json, schemas: Json, name: str) -> Any:
    schema = resolve(schema["anyOf"][0] if "anyOf" in schema else schema, schemas)
    kind = schema.get("type")
    if "example" in schema:
        return schema["example"]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if "enum" in schema:
        return schema["enum"][0]
    if isinstance(kind, list):
        return None
    if kind == "array":
        return [_of(schema["items"], schemas, name)]
    if kind == "object":
        return {each: _of(field, schemas, each) for each, field in schema.get("properties", {}).items()}
    if kind == "string":
        return "text".ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
    return {"integer": max(1, schema.get("minimum", 1)), "boolean": False}[str(kind)]
