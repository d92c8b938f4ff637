"""The OpenAPI description of calls that answer with bytes, not JSON: their answers, headers and parameters."""

from collections.abc import Callable
from typing import Any, TypeVar

from messaging.errors import Code

View = TypeVar("View", bound=Callable[..., Any])
Json = dict[str, Any]

SIGNATURE: Json = {
    "type": "apiKey",
    "in": "query",
    "name": "signature",
    "description": "Of an address that `/media/v1/url` or `/media/v1/upload` has given, together with its `expires`.",
}
REFUSALS = ((416, Code.INVALID),)  # where the code has another status as well

_TEXT: Json = {"type": "string"}
_KEPT: Json = {
    "ETag": {"description": "Never another for the same bytes.", "schema": _TEXT},
    "Cache-Control": {"description": "`private, max-age=3600`.", "schema": _TEXT},
}
_SHOWN: Json = {
    "Accept-Ranges": {"description": "`bytes`.", "schema": _TEXT},
    "Content-Disposition": {"description": "`inline` of a picture, voice or video; `attachment`.", "schema": _TEXT},
}
_RANGE: Json = {"Content-Range": {"description": "Which part of how much.", "schema": _TEXT}}
_ANY_BYTES: Json = {"*/*": {"schema": {"description": "The bytes."}}}
_RESPONSES: Json = {
    "200": {"description": "The bytes.", "content": _ANY_BYTES, "headers": _KEPT | _SHOWN},
    "206": {
        "description": "What `Range` asks for.",
        "content": _ANY_BYTES,
        "headers": _KEPT | _SHOWN | _RANGE,
    },
    "302": {
        "description": "The storage gives the bytes itself, at an address that is good for a minute (MEDIA_REDIRECT).",
        "headers": {"Location": {"description": "Where.", "schema": _TEXT}},
    },
    "304": {"description": "The same as `If-None-Match` names.", "headers": _KEPT},
}
_PARAMETERS: list[Json] = [
    {"in": "query", "name": "expires", "schema": _TEXT, "description": "Of a signed address, unchanged."},
    {"in": "header", "name": "Range", "schema": _TEXT, "description": "One range of bytes; several give the whole."},
    {"in": "header", "name": "If-Range", "schema": _TEXT, "description": "An ETag: of other bytes, all are given."},
    {"in": "header", "name": "If-None-Match", "schema": _TEXT, "description": "ETags: 304 for one of them."},
]


def answers_bytes(view: View) -> View:
    """Declare that a view answers with the bytes of an upload, and refuses as reading one does."""
    view.answers_bytes = True  # type: ignore[attr-defined]
    view.refuses = (Code.NO_SUCH_MEDIA, Code.UNAVAILABLE)  # type: ignore[attr-defined]
    return view


def describe(operation: Json) -> None:
    """Describe the answers and the parameters of such a view."""
    operation["responses"] = dict(_RESPONSES)
    operation["parameters"] = [*operation.get("parameters", []), *_PARAMETERS]
    operation["security"] = [{"bearer": []}, {"signature": []}]
