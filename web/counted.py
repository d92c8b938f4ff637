"""Counts requests by route and status, and how long they take until their answer begins."""

import time

from flask import Flask, Response, g, request

from infra.metrics import request_seconds, requests


def register(app: Flask) -> None:
    """Count every request of `app`, those too that are refused before they reach a view. Register it first."""
    app.before_request(_begin)
    app.after_request(_count)


def _begin() -> None:
    g.begun = time.perf_counter()


def _count(response: Response) -> Response:
    rule = request.url_rule
    path = _path(rule.rule) if rule else "unknown"
    method = request.method if rule else "unknown"  # a caller may invent any
    requests.labels(method, path, response.status_code).inc()
    request_seconds.labels(path).observe(time.perf_counter() - g.begun)
    return response


def _path(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")
