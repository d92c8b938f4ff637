"""A user's device, which connects again whenever its socket ends."""

import json
import random
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from drill.accounts import Account

_PATH = "/message/v1/ws"
_OPEN_SECONDS = 10.0
_LOOK_SECONDS = 0.5
_MOST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a socket: its close code (None when it broke), and what had come before: `hello`, `reconnect`."""

    code: int | None
    accepted: bool
    told: bool


class Device:
    """A device of one account in a conversation of two. It answers pings, which proves what it has got."""

    def __init__(self, url: str, account: Account, trusted: ssl.SSLContext | None = None) -> None:
        self.account = account
        self.got: dict[str, tuple[int, float]] = {}  # key → seq, when it first came, of what others have sent
        self.order: list[int] = []  # their seqs, each when it first came
        self.repeats = 0
        self.truncated = False
        self.closings: list[Closing] = []
        self.online = threading.Event()
        self._url = url.replace("http", "ws", 1) + _PATH
        self._options: dict[str, Any] = {"ssl": trusted} if url.startswith("https") else {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Connect, and stay connected."""
        self._thread.start()

    def stop(self) -> None:
        """Close the socket, and do not come back."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._ended.is_set():
            try:
                with self._connect() as link:
                    after = self._listen(link)
            except (OSError, WebSocketException):
                after = None
            failures = failures + 1 if after is None else 0
            self._ended.wait(random.uniform(0, min(_MOST_PAUSE, 0.1 * 2**failures)) if after is None else after)

    def _connect(self) -> ClientConnection:
        made: ClientConnection = connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {self.account.token}"},
            open_timeout=_OPEN_SECONDS,
            close_timeout=1,
            ping_interval=None,
            compression=None,
            proxy=None,
            **self._options,
        )
        return made

    def _listen(self, link: ClientConnection) -> float | None:
        """Read until the socket ends. Returns the seconds to wait before the next one, None if it was not accepted."""
        after: float | None = None
        accepted = False
        while not self._ended.is_set():
            try:
                frame = json.loads(link.recv(timeout=_LOOK_SECONDS))
            except TimeoutError:
                continue
            except ConnectionClosed as error:
                self.online.clear()
                self.closings.append(Closing(error.rcvd.code if error.rcvd else None, accepted, after is not None))
                return (after or 0.0) if accepted else None
            accepted |= frame["type"] == "hello"
            if frame["type"] == "reconnect":
                after = frame["content"]["after_ms"] / 1000
            self._take(frame["type"], frame["content"])
        return 0.0

    def _take(self, kind: str, content: Any) -> None:
        if kind == "backlog_end":
            self.truncated |= content["truncated"]
            self.online.set()
        elif kind == "new_message" and content["from_user_id"] != self.account.id:
            if content["client_msg_id"] in self.got:
                self.repeats += 1
            else:
                self.got[content["client_msg_id"]] = content["seq"], time.monotonic()
                self.order.append(content["seq"])
