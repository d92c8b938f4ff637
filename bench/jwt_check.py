"""The check of a token's signature in the baselines: flask-jwt-extended, as offered."""

from flask import Flask
from flask_jwt_extended import JWTManager

from infra.settings import settings


def configure(app: Flask) -> None:
    """Make `jwt_required` and `verify_jwt_in_request` usable in `app`, with HS256 only."""
    app.config.update(JWT_SECRET_KEY=settings().jwt_secret, JWT_ALGORITHM="HS256", JWT_DECODE_ALGORITHMS=["HS256"])
    JWTManager(app)
