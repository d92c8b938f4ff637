"""The web door with a short timeout for bodies, so that a test need not wait as long as a client may."""

from web import json

json.BODY_SECONDS = 0.5

from wsgi import web  # noqa: E402 - the patience must be set before anything is built

__all__ = ["web"]
