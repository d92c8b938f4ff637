"""The web door with short patience for uploads and a small disk, so that tests need not wait, nor fill a large one."""

import resource

from web import upload_body

upload_body.IDLE_SECONDS = 0.5
upload_body.WHOLE_SECONDS = 2.0
resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024 * 1024, resource.RLIM_INFINITY))  # bytes of a file

from wsgi import web  # noqa: E402 - the patience must be set before anything is built

__all__ = ["web"]
