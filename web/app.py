"""The REST door put together."""

from flask import Flask
from flask_smorest import Api

from infra import limits, logs, proxies, tokens
from infra.demo_users import DEMO_USERS
from infra.settings import settings
from web import (
    auth,
    commands,
    conversation_update,
    conversations,
    delete,
    demo,
    docs,
    errors,
    friends,
    headers,
    health,
    history,
    json,
    login,
    read,
    recall,
    send,
    sync,
    ticket,
    users,
)
from workers import directory

_BUILT_IN_DIRECTORY = (login, users, friends)
_ENDPOINTS = (
    ticket,
    send,
    history,
    conversations,
    read,
    recall,
    delete,
    sync,
    conversation_update,
)

_API = {
    "API_TITLE": "Message service",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
        "security": [{"bearer": []}],
    },
}


def create_app() -> Flask:
    """A WSGI application that serves REST, its OpenAPI description and the demo client."""
    logs.configure()
    app = Flask(__name__)
    app.config.update(_API, DEMO_USERS=DEMO_USERS if settings().embedded else None)
    tokens.configure(app)
    app.url_map.merge_slashes = False  # the redirect would be built from the Host that the caller names
    proxies.register(app)
    headers.register(app)
    auth.register(app)
    limits.register(app)
    json.register(app)
    _register_endpoints(app)
    errors.register(app)
    commands.register(app)
    return app


def _register_endpoints(app: Flask) -> None:
    api = Api(app)
    for endpoint in _ENDPOINTS if directory.is_outside() else _BUILT_IN_DIRECTORY + _ENDPOINTS:
        api.register_blueprint(endpoint.bp)
    app.register_blueprint(health.bp)
    app.register_blueprint(demo.bp)
    docs.register(app)
