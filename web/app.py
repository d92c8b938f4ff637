"""The REST door put together."""

from flask import Flask
from flask_swagger_ui import get_swaggerui_blueprint

from infra import limits, logs, proxies, tokens
from infra.demo_users import DEMO_USERS
from infra.settings import settings
from web import (
    auth,
    commands,
    conversation_update,
    conversations,
    cors,
    delete,
    demo,
    errors,
    friends,
    health,
    history,
    json,
    login,
    openapi,
    read,
    recall,
    send,
    sync,
    ticket,
    users,
)
from workers import directory

_MAX_BODY = 256 * 1024  # 5,000 characters, each escaped as 12 bytes, and 8 KiB of extra, with room

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
    health,
)


def create_app() -> Flask:
    """A WSGI application that serves REST, its OpenAPI description and the demo client."""
    logs.configure()
    app = Flask(__name__)
    app.config.update(
        openapi.CONFIG, MAX_CONTENT_LENGTH=_MAX_BODY, DEMO_USERS=DEMO_USERS if settings().embedded else None
    )
    tokens.configure(app)
    proxies.register(app)
    cors.register(app)
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
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json"))
