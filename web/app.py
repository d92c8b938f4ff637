"""The WSGI application of the REST door."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from actions import directory
from infra import limits, logs, proxies
from infra.demo_users import DEMO_USERS
from infra.settings import settings
from web import (
    auth,
    commands,
    conversation_update,
    conversations,
    cors,
    counted,
    delete,
    demo,
    docs,
    errors,
    forward,
    friends,
    groups,
    headers,
    health,
    history,
    json,
    login,
    media,
    media_read,
    openapi,
    read,
    recall,
    receipts,
    request_id,
    send,
    sync,
    ticket,
    users,
)

_BUILT_IN_DIRECTORY = (login, users, friends)
_ENDPOINTS = (
    ticket,
    send,
    forward,
    history,
    conversations,
    read,
    receipts,
    recall,
    delete,
    sync,
    conversation_update,
    groups,
    media,
    media_read,
    health,
)


class _App(Flask):
    """A Flask application without async functions: Flask would ask of each view and hook, at each request, if it is."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function as it is."""
        return func


def create_app() -> Flask:
    """Returns a WSGI application that serves REST, its OpenAPI description and the demo client."""
    logs.configure()
    app = _App(__name__)
    app.config.update(openapi.CONFIG, DEMO_USERS=DEMO_USERS if settings().embedded else None)
    app.url_map.merge_slashes = False  # the redirect would be built from the Host that the caller names
    request_id.register(app)
    counted.register(app)
    proxies.register(app)
    cors.register(app)
    headers.register(app)
    auth.register(app)
    limits.register(app)
    json.register(app)
    _register_endpoints(app)
    errors.register(app)
    commands.register(app)
    return app


def _register_endpoints(app: Flask) -> None:
    api = openapi.make(app)
    for endpoint in _ENDPOINTS if directory.is_outside() else _BUILT_IN_DIRECTORY + _ENDPOINTS:
        api.register_blueprint(endpoint.bp)
    openapi.register(app, api)
    app.register_blueprint(demo.bp)
    docs.register(app)
