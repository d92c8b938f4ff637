"""Tests that typing is published once a second, and only to friends and to the members of small groups."""

from collections.abc import Collection
from typing import Any

import pytest

from actions import directory
from infra import bus, channels, notes
from messaging.errors import Code, Refused
from messaging.frame import frame
from realtime import typing as module
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
        self.in_group: int | Refused | None = 4
        monkeypatch.setattr(module, "read", self._read)
        self._typing = Typing(ALICE, clock=lambda: self.now)

    def tell(self, conversation_id: str = f"{ALICE}_{BOB}") -> int:
        """Let Alice type. Returns how many notes have been published by now."""
        self._typing.tell(conversation_id)
        return len(self.notes)

    def _read(self, _rule: Any, *, conversation_id: str, user_id: int) -> int | None:
        assert (conversation_id, user_id) == ("group_5", ALICE)
        self.asked += 1
        if isinstance(self.in_group, Refused):
            raise self.in_group
        return self.in_group

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


def test_in_a_group_it_is_told_once_to_all(told: Told) -> None:
    assert [told.tell("group_5"), told.tell("group_5")] == [1, 1]
    text = frame("typing", {"conversation_id": "group_5", "user_id": ALICE})
    assert told.notes == [(channels.of_group("group_5"), notes.GroupTyping("group_5", ALICE, 4, text))]


def test_in_a_large_group_it_is_told_to_nobody(told: Told) -> None:
    told.in_group = None
    assert told.tell("group_5") == 0
    assert (told.tell("group_5"), told.asked) == (0, 1), "that is not asked for each time"


def test_who_may_not_write_in_a_group_is_refused_without_being_looked_up_each_time(told: Told) -> None:
    told.in_group = Refused(Code.MUTED)
    for _ in range(3):
        with pytest.raises(BadFrame) as refused:
            told.tell("group_5")
        assert refused.value.code is Code.MUTED
    assert (told.asked, told.notes) == (1, [])
    told.now += 1.1
    told.in_group = 4
    assert told.tell("group_5") == 1


def test_who_came_or_went_in_a_group_is_noticed_within_a_second(told: Told) -> None:
    told.tell("group_5")
    told.in_group = 9
    told.now += 1.1
    told.tell("group_5")
    assert [note.members_seq for _, note in told.notes if isinstance(note, notes.GroupTyping)] == [4, 9]


def test_what_is_no_conversation_is_refused(told: Told) -> None:
    for name in ("", "group_0", "group_05", "group_", "2_1", "3_4", "\0"):
        with pytest.raises(BadFrame) as refused:
            told.tell(name)
        assert refused.value.code is Code.NO_SUCH_CONVERSATION
    assert (told.asked, told.notes) == (0, [])
