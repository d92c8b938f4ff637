"""How often one user, or one address before login, may call.

Counted in each process's memory: a limit must hold, and a send must go through, while Redis is away. With N web
processes a caller may reach N times the figure.
"""

from flask import Flask, g, has_request_context, request
from flask_limiter import Limiter

from infra.settings import settings

EVERY_CALL = "100 per second"
SENDS = "30 per second; 600 per minute"
PASSWORDS = "60 per minute"


def _caller() -> str:
    claims = g.get("claims") if has_request_context() else None
    return f"user {claims.user_id}" if claims else f"address {request.remote_addr}"


limiter = Limiter(_caller, default_limits=[EVERY_CALL], storage_uri="memory://", strategy="moving-window")


def register(app: Flask) -> None:
    """Count every call of `app`. RATE_LIMITS=0 lifts all limits, for measuring."""
    app.config["RATELIMIT_ENABLED"] = settings().rate_limits
    app.config["RATELIMIT_HEADERS_ENABLED"] = True
    limiter.init_app(app)
