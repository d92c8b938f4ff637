"""`GET /openapi.json`: the description of the service, put together from the endpoints themselves.

An endpoint declares its request, its answer and the refusals of its own rule; this module adds what holds for every
call.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import orjson
from flask import Blueprint as Routes
from flask import Flask, Response, current_app, send_file
from flask_smorest import Api

from messaging.errors import Code
from messaging.fields import Object
from web import described_bytes, examples
from web.auth import public
from web.errors import answer_of

View = TypeVar("View", bound=Callable[..., Any])
Json = dict[str, Any]

_PLACE = re.compile("<[a-z_]+:([a-z_]+)>")  # as Flask writes one in a path
_PROTOCOL = Path(__file__).parent.parent / "docs" / "protocol.md"

_ABOUT = """\
Messages between users and in groups: REST here, and a WebSocket that brings everything as it happens.

**Signing in.** All calls but those marked as open carry an access token, `Authorization: Bearer <JWT>`.

**Errors** are RFC 9457 documents, `application/problem+json`; go by their `code`. Besides what each call lists, an
unknown path is 404 (100007) and another method 405 (100013, with `Allow`). On 503 and 429 wait for `Retry-After`
seconds; repeat a send with the same `client_msg_id`.

**WebSocket.** `GET /message/v1/ws?ticket=…`, with a ticket of `/message/v1/ws/ticket`: new messages, receipts, presence
and typing. Its frames, the rules and how to write a client are in [the protocol](/protocol.md).
"""

CONFIG: Json = {
    "API_TITLE": "Message service",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "info": {"description": _ABOUT, "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token.",
                },
                "refresh": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "A refresh token, good once, for `/user/v1/refresh` alone.",
                },
                "signature": described_bytes.SIGNATURE,
            }
        },
    },
}

_TAGS = {
    "message": ("Messages", "Sending, reading, taking back, and the conversations that this makes."),
    "user": ("Users", "Signing in and out, and who one is."),
    "friend": ("Friends", "Who may talk to whom."),
    "media": ("Media", "Pictures, voice, video and files: uploading them, and reading what messages carry."),
    "group": ("Groups", "Making groups, and who may do what in them."),
    "": ("Health", "Whether this process is up, and whether it can do its work."),
}

_ANY = (Code.TOO_MANY_REQUESTS, Code.INTERNAL)
_POST = (Code.INVALID, Code.TOO_LARGE, Code.UNAVAILABLE)
_STATUS_OF_ITS_OWN = ((408, Code.INVALID), (415, Code.UNSUPPORTED))  # where a code has two
_HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": {"description": "`Bearer`, when the token is the reason.", "schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}},
    503: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}},
}
_PROBLEM: Json = {
    "type": "object",
    "description": "An RFC 9457 problem document. `code` is stable: go by it.",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "What the code means."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status."},
        "detail": {"type": "string", "description": "For people."},
        "code": {"type": "integer", "enum": sorted(Code)},
        "errors": {
            "type": "object",
            "description": "What is wrong with single fields. For the entries of a map: their own errors.",
            "additionalProperties": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object"}],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
    "additionalProperties": False,
}


def refuses(*codes: Code) -> Callable[[View], View]:
    """Declare the refusals of a view's own rule, besides those of every call."""

    def decorator(view: View) -> View:
        view.refuses = codes  # type: ignore[attr-defined]
        return view

    return decorator


def make(app: Flask) -> Api:
    """Returns the API in which endpoints register, to be served and described."""
    api = Api(app)
    app.cli.commands.pop("openapi")  # it would print the library's own description, with errors that are not ours
    api.register_field(Object, "object", None)
    return api


def register(app: Flask, api: Api) -> None:
    """Serve the description of the registered endpoints, and the protocol that it points to."""
    app.config["OPENAPI_DOCUMENT"] = orjson.dumps(_document(app, api.spec.to_dict()))
    app.register_blueprint(bp)


bp = Routes("description", __name__)


@bp.get("/openapi.json")
@public
def description() -> Response:
    """Answer with the OpenAPI description, which `register` has encoded."""
    return Response(current_app.config["OPENAPI_DOCUMENT"], mimetype="application/json")


@bp.get("/protocol.md")
@public
def protocol() -> Response:
    """Answer with docs/protocol.md."""
    return send_file(_PROTOCOL, mimetype="text/plain")


def _document(app: Flask, found: Json) -> Json:
    schemas = found["components"]["schemas"]
    for methods in found["paths"].values():
        for place in methods.pop("parameters", []):  # of the path; generators know them with each operation
            for operation in methods.values():
                operation.setdefault("parameters", []).append(place)
    for operation, view, path in _operations(app, found):
        _describe(operation, view, path, schemas)
    asked, answered = _reachable(found, "requestBody"), _reachable(found, "responses")
    found["components"] |= {"schemas": {name: schemas[name] for name in schemas if name in asked | answered}}
    for name, schema in found["components"]["schemas"].items():
        _exact(schema, asked=name in asked)
    found["components"]["schemas"]["Problem"] = _PROBLEM
    found["components"]["responses"] = {}
    for operation, view, _path in _operations(app, found):
        _add_refusals(operation, view, found["components"]["responses"])
    used = {operation["tags"][0] for operation, _, _ in _operations(app, found)}
    found["tags"] = [{"name": name, "description": text} for name, text in _TAGS.values() if name in used]
    return found


def _operations(app: Flask, found: Json) -> Iterator[tuple[Json, Any, str]]:
    for rule in app.url_map.iter_rules():
        path = _PLACE.sub(r"{\1}", rule.rule)
        for method in found["paths"].get(path, {}):
            yield found["paths"][path][method], app.view_functions[rule.endpoint], path


def _describe(operation: Json, view: Any, path: str, schemas: Json) -> None:
    first, *more = view.__name__.split("_")
    operation["operationId"] = first + "".join(word.title() for word in more)
    area = path.split("/")[1] if path.count("/") > 1 else ""
    operation["tags"] = [_TAGS.get(area, (area.title(), ""))[0]]
    if getattr(view, "public", False):
        operation.setdefault("security", [])
    if getattr(view, "answers_bytes", False):
        described_bytes.describe(operation)
        return
    answer = operation["responses"]["200"]
    operation["responses"] = {"200": answer}
    shown = answer["content"]["application/json"]
    shown["example"] = examples.answer(shown["schema"], schemas)
    if body := operation.get("requestBody"):
        (asked,) = body["content"].values()
        asked["example"] = examples.request(asked["schema"], schemas)
        body["required"] = bool(examples.resolve(asked["schema"], schemas).get("required"))


def _reachable(found: Json, part: str) -> set[str]:
    """Returns the names of all schemas that `part` of the operations refers to ("requestBody" or "responses")."""
    names: set[str] = set()
    waiting = [operation.get(part) for path in found["paths"].values() for operation in path.values()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.values()
            name = node["$ref"].rpartition("/")[2] if isinstance(node.get("$ref"), str) else None
            if name and name not in names:
                names.add(name)
                waiting.append(found["components"]["schemas"][name])
    return names


def _exact(schema: Json, *, asked: bool) -> None:
    """Write a schema's defaults as text, and make all fields of an answer required but those with `x-optional`.

    Generators take a field with a default for one that is always there, but it need not be sent.
    """
    properties = schema["properties"]
    for field in properties.values():
        field.pop("example", None)
        default = field.pop("default", None)
        if default not in (None, ""):
            field["description"] = f"{field.get('description', '')} {orjson.dumps(default).decode()} if absent.".strip()
        if field.get("type") == "integer" and "enum" not in field:
            field["format"] = "int64"
        if field.get("type") == "object" and "maxLength" in field:
            field["maxProperties"] = field.pop("maxLength")
    optional = {name for name, field in properties.items() if field.pop("x-optional", False)}
    if not asked and properties:
        schema["required"] = [name for name in properties if name not in optional]


def _add_refusals(operation: Json, view: Any, responses: Json) -> None:
    codes = [*_ANY, *getattr(view, "refuses", ())]
    found: set[tuple[int, Code]] = set()
    if "requestBody" in operation:
        codes += _POST
        found |= set(_STATUS_OF_ITS_OWN)
    if getattr(view, "answers_bytes", False):
        found |= set(described_bytes.REFUSALS)
    if operation.get("security") != []:
        codes.append(Code.UNAUTHENTICATED)
    found |= {(answer_of(code)[0], code) for code in codes}
    for status in {each for each, _ in found}:
        _refusal(operation, responses, status, sorted(code for each, code in found if each == status))
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _refusal(operation: Json, responses: Json, status: int, codes: list[Code]) -> None:
    """Add the response for a status to an operation, shared by all operations that refuse with the same codes."""
    name = "-".join([str(status), *(code.name for code in codes)])
    content: Json = {
        "schema": {
            "$ref": "#/components/schemas/Problem",
            "properties": {"status": {"const": status}, "code": {"enum": codes}},
        },
        "examples": {code.name: {"summary": f"{code}", "value": examples.problem(code, status)} for code in codes},
    }
    response: Json = {
        "description": " · ".join(f"{code}: {answer_of(code)[1]}" for code in codes),
        "content": {"application/problem+json": content},
    }
    if headers := _HEADERS.get(status):
        response["headers"] = headers
    responses[name] = response
    operation["responses"][str(status)] = {"$ref": f"#/components/responses/{name}"}
