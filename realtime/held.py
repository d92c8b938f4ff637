"""Live frames that wait for the end of a backlog, and what is withdrawn while they wait: it is not quoted either."""

import re
from dataclasses import replace
from typing import Any

import orjson

from infra import notes
from realtime import frames
from realtime.outbound import MAX_BYTES, MAX_FRAMES

_QUOTE = re.compile(rb'"reply":\{"id":(\d+),"seq":')  # of a text: what is withdrawn has its id and status alone
_WITHDRAWING = (b'{"type":"message_recalled"', b'{"type":"message_deleted"')
_UPDATING = b'{"type":"message_updated"'


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

    def __len__(self) -> int:
        """Returns how many notes wait."""
        return len(self._waiting)

    def as_it_stands(self, conversation_id: str, seq: int, frame: bytes) -> bytes:
        """Returns a message's frame; if its withdrawal waits here, the frame of what is left of the message."""
        return self._withdrawn.get((conversation_id, seq)) or self._unquoted(frame)

    def release(self) -> list[tuple[notes.Live, bytes]]:
        """Returns all waiting notes and frames, with withdrawn messages replaced by what is left of them.

        What a withdrawn message was updated to is left out.
        """
        now = ((note, self._now(note, frame)) for note, frame in self._waiting)
        return [(note, frame) for note, frame in now if frame]

    def _withdraw(self, text: bytes) -> None:
        message = _content(text)
        place, id_, status = _place(message), message.get("id"), message.get("status")
        if place is None or type(id_) is not int or type(status) is not int:
            return
        left = frames.message("new_message", message)
        self._withdrawn[place] = left
        self._statuses[id_] = status
        self._bytes += len(left)

    def _unquoted(self, frame: bytes) -> bytes:
        """Returns a frame without the text that it quotes, if the withdrawal of that waits here."""
        if not self._statuses or not any(int(found[1]) in self._statuses for found in _QUOTE.finditer(frame)):
            return frame
        text = _text(frame)
        content = _content(text)
        reply = content.get("reply")
        id_ = reply.get("id") if isinstance(reply, dict) else None
        if type(id_) is not int or id_ not in self._statuses:
            return frame
        left = {"id": id_, "status": self._statuses[id_]}
        return frames.message(orjson.loads(text)["type"], content | {"reply": left})

    def _now(self, note: notes.Live, frame: bytes) -> bytes:
        if isinstance(note, notes.Message):
            return self.as_it_stands(note.conversation_id, note.seq, frame)
        text = _text(frame) if self._withdrawn else b""
        if text.startswith(_UPDATING) and _place(_content(text)) in self._withdrawn:
            return b""
        return self._unquoted(frame)


def _text(frame: bytes) -> bytes:
    """Returns the JSON of a frame, which stands behind its length; no bytes for what is no frame of the contract."""
    start = frame.find(b'{"type"')
    return frame[start:] if start >= 0 else b""


def _content(text: bytes) -> dict[str, Any]:
    """Returns the content of a frame; an empty one if it is no object.

    What others push is theirs, and 0.4.0 knows no replies: no field is sure to be there.
    """
    try:
        content = orjson.loads(text)["content"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return content if isinstance(content, dict) else {}


def _place(message: dict[str, Any]) -> notes.Place | None:
    name, seq = message.get("conversation_id"), message.get("seq")
    return (name, seq) if type(name) is str and type(seq) is int else None
