"""A user's device: a WebSocket client that reads in the background and remembers every frame.

It compares each frame with protocol.md.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import websocket

from tests import untold
from tests.documents import require_described
from tests.processes import PATIENCE

PATH = "/message/v1/ws"


class Device:
    """A device that connects at once. Raises websocket.WebSocketBadStatusException when the server refuses.

    With `answers=False` it reads but never answers a ping, like a device whose application hangs.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        query: str = "",
        answers: bool = True,
        reads: bool = True,
        **options: Any,
    ) -> None:
        self.frames: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.gone = False
        self._changed = threading.Condition()
        options.setdefault("header", [f"Authorization: Bearer {token}"] if token else [])
        options.setdefault("suppress_origin", True)
        if not reads:  # a small buffer, so that the kernel does not read for it
            options["sockopt"] = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)
        self._socket = websocket.create_connection(url.replace("http", "ws", 1) + PATH + query, timeout=30, **options)
        self._socket.settimeout(None)
        if not answers:
            self._socket.pong = lambda *_: None
        if reads:
            self.read_on()

    def read_on(self) -> None:
        """Begin to read. Only for a device made with `reads=False`."""
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def subprotocol(self) -> str | None:
        """Returns the subprotocol that the server chose, None without one."""
        chosen: str | None = self._socket.getsubprotocol()
        return chosen

    @property
    def response_headers(self) -> dict[str, str]:
        """Returns the headers of the 101 answer, with names in lower case."""
        return dict(self._socket.getheaders())

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Returns the messages pushed so far, repeats included."""
        return [frame["content"] for frame in list(self.frames) if frame["type"] == "new_message"]

    def seqs(self, conversation_id: str) -> list[int]:
        """Returns the seqs of one conversation's messages, in the order in which they came."""
        return [message["seq"] for message in self.messages if message["conversation_id"] == conversation_id]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Returns the contents of all frames of a type."""
        return [frame["content"] for frame in list(self.frames) if frame["type"] == kind]

    def say(self, kind: str, content: Any = None) -> None:
        """Send a frame with a type and a content, as protocol.md describes it."""
        untold.note(content)
        self._socket.send(json.dumps({"type": kind, "content": content}))

    def send(self, data: str | bytes, *, binary: bool = False) -> None:
        """Send any text or bytes as one message."""
        self._socket.send(data, websocket.ABNF.OPCODE_BINARY if binary else websocket.ABNF.OPCODE_TEXT)

    def send_frame(self, payload: bytes, opcode: int, *, last: bool = True) -> None:
        """Send one WebSocket frame of any opcode. With `last=False` it is a fragment."""
        self._socket.send_frame(websocket.ABNF(int(last), 0, 0, 0, opcode, 1, payload))

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Wait until a condition holds. Fails, and shows the frames so far, when it never does."""
        with self._changed:
            held = self._changed.wait_for(lambda: holds() or self.gone, PATIENCE)
        assert held, f"waited in vain: {what}; frames: {self.frames[-10:]}"
        assert holds(), f"the socket closed ({self.close_code}) before: {what}; frames: {self.frames[-10:]}"

    def expect(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for `count` frames of a type. Returns the contents of all that came."""
        self.wait(lambda: len(self.of(kind)) >= count, f"{count} of {kind}")
        return self.of(kind)

    def online(self) -> "Device":
        """Wait until the backlog is over and all is live. Returns the device."""
        self.expect("backlog_end")
        return self

    def wait_closed(self) -> int | None:
        """Wait for the end of the socket. Returns its close code, None when it broke."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.gone, PATIENCE), f"still open; frames: {self.frames[-10:]}"
        return self.close_code

    def close(self) -> None:
        """Close the socket with a close frame."""
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self._socket.close(timeout=1)

    def vanish(self) -> None:
        """Go away without a close frame, like a device that loses its network and its process at once."""
        self._socket.shutdown()

    def _read(self) -> None:
        try:
            while self._step():
                pass
        except (OSError, websocket.WebSocketException):
            pass  # the socket broke, which `gone` shows
        finally:
            with self._changed:
                self.gone = True
                self._changed.notify_all()

    def _step(self) -> bool:
        opcode, data = self._socket.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            self.close_code = int.from_bytes(data[:2], "big") if data else None
            return False
        if opcode == websocket.ABNF.OPCODE_TEXT:
            frame = json.loads(data)
            require_described(frame)  # an exception in this thread fails the test
            with self._changed:
                self.frames.append(frame)
                self._changed.notify_all()
        return True
