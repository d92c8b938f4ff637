"""JSON by orjson in both directions: it is fast, takes UTF-8 only, and refuses NaN and lone surrogates."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import orjson
from flask import Flask, Response, abort, current_app, request
from flask.json.provider import JSONProvider
from flask_smorest import Blueprint as SmorestBlueprint
from gevent import Timeout
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import RequestTimeout

from messaging.errors import Code, Refused

MAX_BODY = 256 * 1024  # 5,000 characters, each escaped as 12 bytes, and 8 KiB of extra, with room
BODY_SECONDS = 10.0  # for the whole body: a client that sends a byte now and then must not hold a greenlet

View = TypeVar("View", bound=Callable[..., Any])


def own_body(view: View) -> View:
    """Mark a view that reads a body of another type, and sees to its size and its time."""
    view.own_body = True  # type: ignore[attr-defined]
    return view


class Provider(JSONProvider):
    """Flask's JSON provider: it encodes what `jsonify` is given and the dicts that views return."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Returns JSON text."""
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Returns the value of JSON text. Raises orjson.JSONDecodeError, a ValueError."""
        return orjson.loads(s)


class Blueprint(SmorestBlueprint):
    """A blueprint whose `arguments` and `response` flask-smorest describes, and this module reads and writes.

    flask-smorest's own wrappers find out at each call what is known here: they take longer than reading the body and
    encoding the answer.
    """

    def arguments(self, schema: type[Schema]) -> Callable[[View], View]:
        """Pass the view its JSON body, loaded by `schema`, as first argument. An absent body is an empty object.

        The view raises Refused(INVALID) with the fields' errors, or aborts with 408 or 413.
        """
        described = super().arguments(schema)
        loader = schema()

        def decorator(view: View) -> View:
            @wraps(described(view))
            def reading(*args: Any, **kwargs: Any) -> Any:
                return view(_body(loader), *args, **kwargs)

            return cast(View, reading)

        return decorator

    def response(self, status: int, schema: type[Schema], *, dump: bool = True) -> Callable[[View], View]:
        """Answer with what the view returns, dumped by `schema` and encoded as JSON, or with its own Response.

        With `dump=False` the view returns a dict that is as `schema` describes it already, and it is only encoded.
        """
        described = super().response(status, schema)
        shape = schema().dump if dump else _as_it_is

        def decorator(view: View) -> View:
            @wraps(described(view))
            def answering(*args: Any, **kwargs: Any) -> Response:
                found = view(*args, **kwargs)
                if isinstance(found, Response):
                    return found
                return Response(orjson.dumps(shape(found)), status, mimetype="application/json")

            return cast(View, answering)

        return decorator


def _as_it_is(found: Any) -> Any:
    return found


def _body(loader: Schema) -> Any:
    with Timeout(BODY_SECONDS, RequestTimeout("the body did not come in time")):
        raw = request.get_data()
    if len(raw) > MAX_BODY:
        abort(413)
    try:
        return loader.load(orjson.loads(raw) if raw else {})
    except orjson.JSONDecodeError as error:
        raise Refused(Code.INVALID, "the body is not valid JSON") from error
    except ValidationError as error:
        fields = error.normalized_messages()  # type: ignore[no-untyped-call]
        raise Refused(Code.INVALID, fields=fields) from error


def register(app: Flask) -> None:
    """Use orjson in `app`, and refuse bodies of another content type with 415."""
    app.json = Provider(app)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY + 1  # werkzeug cuts a body in chunks there, without an error
    app.before_request(_only_json)


def _only_json() -> None:
    if request.environ.get("CONTENT_TYPE") == "application/json":  # as most clients write it: nothing to parse
        return
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    if request.method != "POST" or not request.endpoint or not has_body or request.is_json:
        return
    if not getattr(current_app.view_functions[request.endpoint], "own_body", False):
        abort(415, "send application/json")
