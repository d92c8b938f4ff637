"""A client of the REST door, as a drill needs it."""

import json
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

_PATIENCE_SECONDS = 10.0


class Away(Exception):
    """The door did not answer, or answered that it cannot: the same call may be made again, after `seconds`."""

    def __init__(self, reason: str, *, status: int | None = None, seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.status = status
        self.seconds = seconds


class Denied(Exception):
    """The door refused a call, and would refuse it again."""


class Door:
    """A connection to a REST door, for one thread. It is opened at the first call, and again after a failure."""

    def __init__(self, url: str, trusted: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        host = parts.hostname or "127.0.0.1"
        self._connection = (
            HTTPSConnection(host, parts.port, timeout=_PATIENCE_SECONDS, context=trusted)
            if parts.scheme == "https"
            else HTTPConnection(host, parts.port, timeout=_PATIENCE_SECONDS)
        )

    def call(self, path: str, body: dict[str, Any], token: str | None = None) -> Any:
        """Returns the answer to a POST. Raises Away, or Denied with the code of the refusal."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            self._connection.request("POST", path, json.dumps(body), headers)
            answer = self._connection.getresponse()
            data = answer.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Away(type(error).__name__) from error
        if answer.status == 429 or answer.status >= 500:
            seconds = float(answer.headers.get("Retry-After") or 0)
            raise Away(f"{answer.status} by {path}", status=answer.status, seconds=seconds)
        try:
            found = json.loads(data)
        except ValueError as error:  # a proxy's own page
            raise Denied(f"{answer.status} by {path}, and no JSON") from error
        if answer.status != 200:
            raise Denied(f"{answer.status} with code {found.get('code')} by {path}")
        return found

    def close(self) -> None:
        """Close the connection, until the next call."""
        self._connection.close()
