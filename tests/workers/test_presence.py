"""Tests that a new connection learns which friends are online, and that only friends learn who comes and goes."""

from typing import Any

import pytest

from infra import presence
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend
from tests.workers.conftest import Channels
from workers import presence as tasks


@pytest.fixture
def friends(channels: Channels) -> Channels:
    """Make Bob and Carol friends of Alice. Dave has no friend. Returns the channels."""
    for friend in (BOB, CAROL):
        befriend(ALICE, friend)
    return channels


def online(channel: str, user_id: int) -> tuple[str, Any]:
    content = {"user_id": user_id, "online": True, "last_seen": None}
    return channel, {"type": "presence", "content": content}


def test_who_comes_is_told_which_friends_are_there(friends: Channels) -> None:
    presence.report("relay", {ALICE: 1, BOB: 1, DAVE: 1})
    tasks.welcome("relay", [("socket", ALICE, False)])
    assert friends.frames() == [online("im:relay:relay", BOB)]


def test_who_comes_where_nobody_is_is_told_nothing(friends: Channels) -> None:
    presence.report("relay", {ALICE: 1, DAVE: 1})
    tasks.welcome("relay", [("socket", ALICE, False)])
    assert friends.notes() == []


def test_a_greeting_names_its_connection(friends: Channels) -> None:
    presence.report("relay", {ALICE: 1, BOB: 1})
    tasks.welcome("relay", [("of alice", ALICE, False), ("of bob", BOB, False)])
    told = [
        (next(name for name in ("of alice", "of bob") if name in lines[0].values()), lines[1])
        for _, lines in friends.notes()
    ]
    assert told == [online("of alice", BOB), online("of bob", ALICE)]


def test_friends_are_told_of_who_was_away(friends: Channels) -> None:
    presence.report("relay", {ALICE: 1})
    tasks.welcome("relay", [("socket", ALICE, True)])
    assert friends.frames() == [online(f"im:user:{friend}", ALICE) for friend in (BOB, CAROL)]


def test_friends_are_told_of_who_went_and_when(friends: Channels) -> None:
    presence.report("relay", {BOB: 1})
    tasks.announce(ALICE)
    seen = presence.seen([ALICE])
    (channel, frame), (other, same) = friends.frames()
    assert (channel, other) == ("im:user:2", "im:user:3")
    assert frame == same
    assert frame["content"]["online"] is False
    assert 0 <= seen - frame["content"]["last_seen"] < 60


def test_friends_are_told_what_is_so_now(friends: Channels) -> None:
    """A user who came back meanwhile is announced as online."""
    presence.report("relay", {ALICE: 1})
    tasks.announce(ALICE, DAVE)
    assert friends.frames() == [online(f"im:user:{friend}", ALICE) for friend in (BOB, CAROL)]


def test_many_are_told_of_together(friends: Channels) -> None:
    presence.report("relay", {ALICE: 1, BOB: 2, CAROL: 1})
    tasks.welcome("relay", [("of bob", BOB, True), ("of alice", ALICE, True), ("of dave", DAVE, True)])
    told = friends.frames()
    assert [each for each in told if each[0] == "im:relay:relay"] == [
        online("im:relay:relay", user) for user in (ALICE, BOB, CAROL)
    ]
    assert [each for each in told if each[0] != "im:relay:relay"] == [
        online("im:user:1", BOB),
        online("im:user:2", ALICE),
        online("im:user:3", ALICE),
    ]
    tasks.announce(BOB, CAROL, DAVE)
    assert friends.frames() == [online("im:user:1", user) for user in (BOB, CAROL)]
