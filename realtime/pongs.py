"""The pongs of our pings, taken out of what a peer sends before wsproto sees it.

Every message pushed brings one, and parsing it as any frame cost as much as pushing the message. For that it must be
known where frames begin: what wsproto is given is followed by its headers.
"""

from collections.abc import Callable

_OURS = b"\x8a\x88"  # a whole pong, masked, with the eight bytes of our serial
_SIZE = 14
_BODY = 6  # where the payload begins, behind those two bytes and the mask
_EXTENDED = {126: 2, 127: 8}  # bytes that follow when the length does not fit


class Pongs:
    """One peer's. `on_pong(payload)` is called for each."""

    __slots__ = ("_head", "_left", "_on_pong")

    def __init__(self, on_pong: Callable[[bytes], None]) -> None:
        self._on_pong = on_pong
        self._head = b""  # of a frame whose header has come in part
        self._left = 0  # of a frame's payload: still to come

    def take(self, data: bytes) -> bool:
        """Whether the data was nothing but pongs of ours; then they have been told."""
        if not data.startswith(_OURS) or self._left or self._head:
            return False
        starts = range(0, len(data), _SIZE)
        if len(data) % _SIZE or any(data[start : start + 2] != _OURS for start in starts):
            return False
        for start in starts:
            body = start + _BODY
            mask = int.from_bytes(data[start + 2 : body] * 2, "big")
            payload = int.from_bytes(data[body : start + _SIZE], "big") ^ mask
            self._on_pong(payload.to_bytes(8, "big"))
        return True

    def follow(self, data: bytes) -> None:
        """What wsproto is given instead: see where its last frame ends."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
            else:
                self._head += data[at : at + 1]
                at += 1
                self._look()

    def _look(self) -> None:
        """Once a header is whole, its payload comes next."""
        if len(self._head) < 2:
            return
        length = self._head[1] & 0x7F
        masked = 4 if self._head[1] & 0x80 else 0
        extended = _EXTENDED.get(length, 0)
        if len(self._head) == 2 + extended + masked:
            self._left = int.from_bytes(self._head[2 : 2 + extended], "big") if extended else length
            self._head = b""
