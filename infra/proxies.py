"""Who is calling when proxies stand in between."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from infra.settings import settings


def register(app: Flask) -> None:
    """Believe the X-Forwarded headers of TRUSTED_PROXIES proxies, and of none by default: anybody can send them."""
    if count := settings().trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
