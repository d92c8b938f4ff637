"""Tests that held frames are bounded by number and in bytes, and that none of them quotes what was withdrawn."""

from typing import Any

import orjson
import pytest

from infra import notes
from messaging.frame import frame
from realtime import frames
from realtime.held import Held
from realtime.outbound import MAX_BYTES, MAX_FRAMES


def fill(size: int, kind: str = "new_message") -> int:
    """Returns how many frames of that size are taken until there is no more room."""
    held = Held()
    for number in range(MAX_FRAMES + 1):
        text = frame(kind, {"conversation_id": "c", "seq": number, "content": "x" * size, "id": number, "status": 4})
        note = notes.Message("c", number, 1, text) if kind == "new_message" else notes.Frame(text)
        if not held.add(note, frames.text(text)):
            return number
    return MAX_FRAMES + 1


def test_small_frames_are_bounded_by_their_number() -> None:
    assert fill(1) == MAX_FRAMES


@pytest.mark.parametrize("size", [28_000, 5_000])
def test_large_frames_are_bounded_in_bytes(size: int) -> None:
    assert (fill(size) - 1) * size < MAX_BYTES
    assert fill(size) * (size + 100) >= MAX_BYTES, "and not by less"


def test_what_is_kept_of_a_withdrawn_message_counts() -> None:
    assert fill(5_000, "message_recalled") * 2 * 5_000 < MAX_BYTES + 10_000


WHOLE = {"id": 4, "seq": 4, "content": "secret"}


def released(held: Held) -> list[Any]:
    """Returns the replies of the frames that waited."""
    waited = [frame for _, frame in held.release()]
    return [orjson.loads(each[each.index(b'{"type"') :])["content"].get("reply") for each in waited]


@pytest.mark.parametrize("kind", ["message_recalled", "message_deleted"])
def test_a_reply_that_waits_does_not_quote_what_is_withdrawn_meanwhile(kind: str) -> None:
    held = Held()
    reply = {"conversation_id": "c", "id": 6, "seq": 6, "extra": {"reply": WHOLE}, "reply": WHOLE}
    other = reply | {"id": 7, "seq": 7, "reply": None}
    for kind_of_reply, content in (("new_message", reply), ("new_message", other), ("message_updated", reply)):
        text = frame(kind_of_reply, content)
        note = notes.Message("c", content["seq"], 1, text) if kind_of_reply == "new_message" else notes.Frame(text)
        assert held.add(note, frames.text(text))
    assert released(held) == [WHOLE, None, WHOLE]
    status = 4 if kind == "message_recalled" else 5
    gone = frame(kind, {"conversation_id": "c", "id": 4, "seq": 4, "status": status})
    assert held.add(notes.Frame(gone), frames.text(gone))
    left = {"id": 4, "status": status}
    assert released(held) == [left, None, left, None]
    page = frames.text(frame("new_message", reply))
    assert held.as_it_stands("c", 6, page) == frames.text(frame("new_message", reply | {"reply": left}))


GONE = frame("message_recalled", {"conversation_id": "c", "id": 4, "seq": 4, "status": 4})


def kept(*texts: bytes) -> list[bytes]:
    """Returns what is released of frames that wait together with the recall of message 4."""
    held = Held()
    for text in (*texts, GONE):
        assert held.add(notes.Frame(text), frames.text(text))
    return [each for _, each in held.release()]


def test_what_a_message_was_updated_to_is_left_out_once_it_is_withdrawn() -> None:
    other = {"conversation_id": "c", "id": 5, "seq": 5, "content": "other", "reply": None}
    texts = [frame("message_updated", each) for each in (WHOLE | {"conversation_id": "c"}, other)]
    assert kept(*texts) == [frames.text(texts[1]), frames.text(GONE)]


@pytest.mark.parametrize(
    "content",
    [
        {"conversation_id": "c", "id": 6, "seq": 6, "extra": {"reply": WHOLE}},
        {"reply": [WHOLE], "more": {"reply": WHOLE}},
        {"reply": {"id": [4]}, "more": {"reply": WHOLE}},
        [{"reply": WHOLE}],
        "x",
    ],
    ids=["of 0.4.0", "a list", "an id that is none", "no object", "a text"],
)
@pytest.mark.parametrize("kind", ["new_message", "push", "message_updated", "message_recalled"])
def test_what_has_no_reply_of_ours_is_released_as_it_came(kind: str, content: Any) -> None:
    text = orjson.dumps({"type": kind, "content": content})
    assert kept(text) == [frames.text(text), frames.text(GONE)]


@pytest.mark.parametrize(
    "text", [b'{"type":"message_recalled",', b'{"type":"message_updated"', b"", b'"reply":{"id":4,"seq":']
)
def test_what_cannot_be_read_loses_nothing_else(text: bytes) -> None:
    assert kept(text, b'{"type":"pong"}') == [frames.text(text), frames.text(b'{"type":"pong"}'), frames.text(GONE)]
