"""GET /docs: Swagger UI, a page to try every call."""

from flask import Flask
from flask_swagger_ui import get_swaggerui_blueprint


def register(app: Flask) -> None:
    """Serve Swagger UI at /docs itself: Flask's redirect to /docs/ would be built from the caller's Host header."""
    config = {"oauth2RedirectUrl": "/docs/oauth2-redirect.html"}  # the default is built from Host too
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json", config))
    app.add_url_rule("/docs", "swagger_ui.show", app.view_functions["swagger_ui.show"])
