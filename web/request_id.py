"""The id of each request, by which the log shows what belongs to it: a caller's own trace id, or a random one."""

from flask import Flask, Response, g, request

from infra import trace

HEADER = "X-Request-ID"


def register(app: Flask) -> None:
    """Give every request of `app` an id, and tell it in every answer. Register it first: each log line has it."""
    app.before_request(_enter)
    app.after_request(_tell)
    app.teardown_request(lambda _error: trace.leave())


def _enter() -> None:
    rule = request.url_rule
    name = f"{request.method} {rule.rule}" if rule else "unknown"  # a caller may invent any method
    g.request_id = trace.enter(name, request.headers.get("traceparent"))


def _tell(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    return response
