"""Which host and client address of a request are believed, with proxies in between or without."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from infra.settings import settings

_THIS_MACHINE = ["localhost", "127.0.0.1"]  # the embedded server does not listen on ::1


def register(app: Flask) -> None:
    """Believe the X-Forwarded headers of TRUSTED_PROXIES proxies, and of none by default: anybody can send them.

    The embedded default accepts only this machine's names as Host: another site can point its own name at this
    address (DNS rebinding), and the demo users' passwords are known to everybody.
    """
    if settings().embedded:
        app.config["TRUSTED_HOSTS"] = _THIS_MACHINE
    if count := settings().trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]
