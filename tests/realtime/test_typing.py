"""Tests that typing is published once a second, and only to friends."""

from collections.abc import Collection

import pytest

from actions import directory
from infra import bus, channels, notes
from messaging.errors import Code
from messaging.frame import frame
from realtime.frames import BadFrame
from realtime.typing import Typing

ALICE, BOB = 1, 2
Pair = tuple[int, int]


class Told:
    """Alice's typing, with a clock that the test moves, and a record of the notes for Bob."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.friends = True
        self.asked = 0
        self.notes: list[tuple[str, notes.Note]] = []
        monkeypatch.setattr(bus, "publish", self.notes.extend)
        monkeypatch.setattr(directory, "may_talk", self._may_talk)
        self._typing = Typing(ALICE, clock=lambda: self.now)

    def tell(self) -> int:
        """Let Alice type. Returns how many notes have been published by now."""
        self._typing.tell(f"{ALICE}_{BOB}")
        return len(self.notes)

    def _may_talk(self, pairs: Collection[Pair]) -> set[Pair]:
        self.asked += 1
        return set(pairs) if self.friends else set()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def test_it_is_told_once_a_second(told: Told) -> None:
    assert [told.tell(), told.tell()] == [1, 1]
    told.now += 1
    assert told.tell() == 2
    assert told.notes[0] == (
        channels.of_user(BOB),
        notes.Typing(frame("typing", {"conversation_id": "1_2", "user_id": ALICE})),
    )


def test_who_is_no_friend_any_more_is_told_nothing_after_a_few_seconds(told: Told) -> None:
    told.tell()
    told.friends = False
    told.now += 5.1
    with pytest.raises(BadFrame) as refused:
        told.tell()
    assert refused.value.code is Code.NOT_FRIENDS
    assert len(told.notes) == 1


def test_a_friendship_is_not_asked_for_each_time(told: Told) -> None:
    for _ in range(5):
        told.tell()
        told.now += 1
    assert told.asked == 1


def test_a_conversation_of_others_is_refused(told: Told) -> None:
    typing = Typing(BOB + 1)
    with pytest.raises(BadFrame) as refused:
        typing.tell(f"{ALICE}_{BOB}")
    assert refused.value.code is Code.NO_SUCH_CONVERSATION
