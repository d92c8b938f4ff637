"""Live frames that wait for the end of a backlog, and what has been withdrawn while they wait."""

import orjson

from infra.bus import Note
from realtime import frames
from realtime.outbound import MAX_BYTES, MAX_FRAMES

_WITHDRAWING = (b'{"type":"message_recalled"', b'{"type":"message_deleted"')


class Held:
    """As much as may wait for a socket, in the order in which it came."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Note, bytes]] = []
        self._bytes = 0
        self._withdrawn: dict[tuple[str, int], bytes] = {}

    def add(self, note: Note, frame: bytes) -> bool:
        """Keep a frame. Returns False when there is no room."""
        if len(self._waiting) >= MAX_FRAMES or self._bytes >= MAX_BYTES:
            return False
        # A message without its text, which the frame has already; others are looked at again when they are held again.
        self._waiting.append((Note(note.header) if note.header["kind"] == "message" else note, frame))
        self._bytes += len(frame)
        if note.header["kind"] == "frame" and note.frames[0].startswith(_WITHDRAWING):
            self._withdraw(note.frames[0])
        return True

    def as_it_stands(self, conversation_id: str, seq: int, frame: bytes) -> bytes:
        """Returns a message's frame, or, if its withdrawal waits here, what is left of the message: its place."""
        return self._withdrawn.get((conversation_id, seq), frame)

    def release(self) -> list[tuple[Note, bytes]]:
        """Returns everything that waits, as it now stands."""
        return [(note, self._now(note, frame)) for note, frame in self._waiting]

    def _withdraw(self, text: bytes) -> None:
        message = orjson.loads(text)["content"]
        left = frames.message("new_message", message)
        self._withdrawn[message["conversation_id"], message["seq"]] = left
        self._bytes += len(left)

    def _now(self, note: Note, frame: bytes) -> bytes:
        header = note.header
        if header["kind"] != "message":
            return frame
        return self.as_it_stands(header["conversation_id"], header["seq"], frame)
