"""The security headers of every answer: content policy, no framing, no type sniffing, no referrer, no cached JSON."""

import base64
import hashlib
import re
from urllib.parse import urlsplit

from flask import Flask, Response, request

from infra.settings import settings

_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_DEMO = (
    f"{_NOTHING}; script-src 'self'; style-src 'self'; connect-src 'self'"
    f"; img-src 'self' data: blob:{{0}}; media-src 'self' blob:{{0}}"
)
# Swagger UI writes style elements, and its page contains one inline script.
_DOCS = (
    f"{_NOTHING}; script-src 'self' {{}}; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:"
)
_UPLOAD = "default-src 'none'; sandbox"  # whatever it is, opened by itself it runs nothing, and has no origin
_POLICIES = {"media_read.read_media": _UPLOAD, "media_read.read_thumbnail": _UPLOAD}
_DEMO_ENDPOINTS = {"static", "demo.index", "demo.users"}

_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def register(app: Flask) -> None:
    """Add the security headers to every answer of `app`."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _policy(response)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    if response.is_json:
        headers["Cache-Control"] = "no-store"  # a cache must keep no copy of tokens and messages
    return response


def _policy(response: Response) -> str:
    endpoint = request.endpoint or ""
    if endpoint in _DEMO_ENDPOINTS:
        return _DEMO.format(_redirected())
    if endpoint != "swagger_ui.show":
        return _POLICIES.get(endpoint, _NOTHING)
    scripts = [] if response.direct_passthrough else _INLINE_SCRIPT.findall(response.get_data())
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    return _DOCS.format(" ".join(f"'sha256-{each}'" for each in hashes))


def _redirected() -> str:
    """Returns where readers of media are sent on to, as the page must be allowed to follow; empty when nowhere."""
    found = settings()
    if not found.media_redirect or not found.media_storage.startswith("s3://"):
        return ""
    place = urlsplit(found.s3_endpoint or f"https://s3.{found.s3_region}.amazonaws.com")
    return f" {place.scheme}://{place.netloc}"
