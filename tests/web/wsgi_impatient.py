"""The web door with a short patience for uploads, so that a test need not wait as long as a client may."""

from web import media

media.IDLE_SECONDS = 0.5
media.WHOLE_SECONDS = 2.0

from wsgi import web  # noqa: E402 - the patience must be set before anything is built

__all__ = ["web"]
