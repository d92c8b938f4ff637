"""GET /docs: a page to try every call, by Swagger UI."""

from flask import Flask
from flask_swagger_ui import get_swaggerui_blueprint


def register(app: Flask) -> None:
    """Serve it at /docs itself: Flask's redirect to /docs/ would be built from the Host that the caller names."""
    config = {"oauth2RedirectUrl": "/docs/oauth2-redirect.html"}  # else it is built from the Host too
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json", config))
    app.add_url_rule("/docs", "swagger_ui.show", app.view_functions["swagger_ui.show"])
