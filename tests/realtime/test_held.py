"""Tests that held frames are bounded by number and in bytes."""

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
        text = frame(kind, {"conversation_id": "c", "seq": number, "content": "x" * size})
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
