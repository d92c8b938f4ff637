"""The canary: a user sends a friend a message, through web, workers and a relay, as clients do.

It speaks REST and WebSocket alone, with tokens that it signs itself.
"""

import http.client
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from infra import tokens
from infra.settings import settings

ROUND_SECONDS = 8.0
_TOKEN_SECONDS = 60
_MOST_BYTES = 1_048_576
# Not by a proxy of the environment: these are addresses of this deployment.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """A step of a round did not succeed: "connect", "send", "receive" or "read"."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Route:
    """Where the canary sends and waits, and for whom: `users` are the ids of the sender and of the recipient."""

    web_url: str
    realtime_url: str
    users: tuple[int, int]


def route() -> Route:
    """Returns the route of this deployment's settings, which have to name one."""
    found = settings()
    sender, recipient = found.canary_users
    return Route(found.canary_web_url.rstrip("/"), found.canary_realtime_url.rstrip("/"), (sender, recipient))


def fly(way: Route) -> dict[str, float]:
    """Send a message, wait for it at the recipient's socket, and have it read. Returns the seconds of each step.

    Raises Failed, within about ROUND_SECONDS.
    """
    deadline = time.monotonic() + ROUND_SECONDS
    sender, recipient = (tokens.issue_access(user_id, _TOKEN_SECONDS) for user_id in way.users)
    seconds: dict[str, float] = {}
    with _step("connect", seconds):
        device = _connected(way.realtime_url, recipient, deadline)
    with device:
        with _step("connect", seconds):
            _frame(device, deadline, lambda frame: frame["type"] == "backlog_end")
        with _step("send", seconds):
            body = {"to_user_id": way.users[1], "content": "canary", "client_msg_id": uuid.uuid4().hex}
            message = _post(f"{way.web_url}/message/v1/send", body, sender, deadline)["message"]
        with _step("receive", seconds):
            _frame(device, deadline, lambda frame: _brings(frame, message["id"]))
        with _step("read", seconds):
            _post(f"{way.web_url}/message/v1/read", {"message_id": message["id"]}, recipient, deadline)
    return seconds


@contextmanager
def _step(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Add the time of the block to the step's. Raises Failed for whatever goes wrong in it."""
    began = time.monotonic()
    try:
        yield
    except TimeoutError as error:
        raise Failed(name, "took too long") from error
    except (OSError, http.client.HTTPException, WebSocketException, ValueError, KeyError, TypeError) as error:
        raise Failed(name, f"{type(error).__name__}: {error}"[:200]) from error
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began


def _connected(url: str, token: str, deadline: float) -> ClientConnection:
    return connect(
        f"{url.replace('http', 'ws', 1)}/message/v1/ws",
        additional_headers={"Authorization": f"Bearer {token}"},
        open_timeout=_left(deadline),
        close_timeout=1,
        max_size=_MOST_BYTES,
        ping_interval=None,
        proxy=None,
        legacy=True,  # a connection, not one that comes back by itself
    )


def _frame(device: ClientConnection, deadline: float, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Read frames until a wanted one. The library answers pings meanwhile, which proves delivery."""
    while not wanted(orjson.loads(device.recv(timeout=_left(deadline)))):
        pass


def _brings(frame: dict[str, Any], message_id: int) -> bool:
    return bool(frame["type"] == "new_message" and frame["content"]["id"] == message_id)


def _post(url: str, body: dict[str, Any], token: str, deadline: float) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, orjson.dumps(body), headers)  # noqa: S310 - a setting, which has to be http
    with _direct.open(request, timeout=_left(deadline)) as answer:
        return orjson.loads(answer.read(_MOST_BYTES))


def _left(deadline: float) -> float:
    """Returns the seconds until the deadline. Raises TimeoutError when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
