"""Live frames that wait for the end of a backlog, and what is withdrawn while they wait: it is not quoted either."""

import re
from dataclasses import replace

import orjson

from infra import notes
from realtime import frames
from realtime.outbound import MAX_BYTES, MAX_FRAMES

_QUOTE = re.compile(rb'"reply":\{"id":(\d+),"seq":')  # of a text: what is withdrawn has its id and status alone
_WITHDRAWING = (b'{"type":"message_recalled"', b'{"type":"message_deleted"')


class Held:
    """Live frames in the order in which they came, at most as many as may wait for a socket."""

    def __init__(self) -> None:
        self._waiting: list[tuple[notes.Live, bytes]] = []
        self._bytes = 0
        self._withdrawn: dict[tuple[str, int], bytes] = {}
        self._statuses: dict[int, int] = {}  # of the withdrawn, by their ids

    def add(self, note: notes.Live, frame: bytes) -> bool:
        """Keep a frame. Returns False when there is no room."""
        if len(self._waiting) >= MAX_FRAMES or self._bytes >= MAX_BYTES:
            return False
        # A message's note is kept without its text, which the frame has; other notes are read again if held once more.
        self._waiting.append((replace(note, frame=b"") if isinstance(note, notes.Message) else note, frame))
        self._bytes += len(frame)
        if isinstance(note, notes.Frame) and note.frame.startswith(_WITHDRAWING):
            self._withdraw(note.frame)
        return True

    def as_it_stands(self, conversation_id: str, seq: int, frame: bytes) -> bytes:
        """Returns a message's frame; if its withdrawal waits here, the frame of what is left of the message."""
        return self._withdrawn.get((conversation_id, seq)) or self._unquoted(frame)

    def release(self) -> list[tuple[notes.Live, bytes]]:
        """Returns all waiting notes and frames, with withdrawn messages replaced by what is left of them."""
        return [(note, self._now(note, frame)) for note, frame in self._waiting]

    def _withdraw(self, text: bytes) -> None:
        message = orjson.loads(text)["content"]
        left = frames.message("new_message", message)
        self._withdrawn[message["conversation_id"], message["seq"]] = left
        self._statuses[message["id"]] = message["status"]
        self._bytes += len(left)

    def _unquoted(self, frame: bytes) -> bytes:
        """Returns a frame without the text that it quotes, if the withdrawal of that waits here."""
        if not self._statuses or not any(int(found[1]) in self._statuses for found in _QUOTE.finditer(frame)):
            return frame
        told = orjson.loads(frame[frame.index(b'{"type"') :])
        reply = told["content"]["reply"]
        if reply is None or reply["id"] not in self._statuses:
            return frame
        left = {"id": reply["id"], "status": self._statuses[reply["id"]]}
        return frames.message(told["type"], told["content"] | {"reply": left})

    def _now(self, note: notes.Live, frame: bytes) -> bytes:
        if not isinstance(note, notes.Message):
            return self._unquoted(frame)
        return self.as_it_stands(note.conversation_id, note.seq, frame)
