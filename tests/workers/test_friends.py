"""Tests that users get frames of requests and friendships as these stand when the task runs."""

from typing import Any

import pytest

from db.session import write
from infra import presence
from messaging import friends
from messaging.login import add
from tests.messaging.conftest import befriend
from tests.workers.conftest import Channels
from workers import friends as tasks


@pytest.fixture
def people(channels: Channels) -> tuple[int, int]:
    """Returns the ids of Alice and Bob, who are not friends."""
    alice, bob = (
        write(lambda session, now, name=name: add(session, now, username=name, password_hash="x", nickname=name))
        for name in ("alice", "bob")
    )
    return alice["id"], bob["id"]


def told(channels: Channels) -> list[tuple[str, str, Any]]:
    """Returns the channel, the type and the main fields of each frame that was published."""
    return [(channel, frame["type"], _short(frame["content"])) for channel, frame in channels.frames()]


def _short(content: dict[str, Any]) -> Any:
    return (content["event"], content["user"]["username"]) if "event" in content else content["user_id"]


def test_who_is_asked_is_told(channels: Channels, people: tuple[int, int]) -> None:
    alice, bob = people
    write(lambda session, now: friends.request(session, now, user_id=alice, to_user_id=bob, message="hello"))
    tasks.tell_news("requested", alice, bob)
    assert told(channels) == [(f"im:user:{bob}", "friend", ("requested", "alice"))]


def test_a_request_that_is_no_more_is_not_told(channels: Channels, people: tuple[int, int]) -> None:
    tasks.tell_news("requested", *people)
    assert channels.notes() == []


def test_new_friends_are_told_of_each_other_and_who_is_online(channels: Channels, people: tuple[int, int]) -> None:
    alice, bob = people
    befriend(alice, bob)
    presence.report("relay", {bob: 1})
    tasks.tell_news("added", alice, bob)
    assert told(channels) == [
        (f"im:user:{alice}", "friend", ("added", "bob")),
        (f"im:user:{alice}", "presence", bob),
        (f"im:user:{bob}", "friend", ("added", "alice")),
    ]


def test_a_friendship_that_has_ended_is_not_told(channels: Channels, people: tuple[int, int]) -> None:
    presence.report("relay", dict.fromkeys(people, 1))
    tasks.tell_news("added", *people)
    assert channels.notes() == []


def test_the_end_of_a_friendship_is_told_to_both(channels: Channels, people: tuple[int, int]) -> None:
    alice, bob = people
    tasks.tell_news("removed", alice, bob)
    assert told(channels) == [
        (f"im:user:{alice}", "friend", ("removed", "bob")),
        (f"im:user:{bob}", "friend", ("removed", "alice")),
    ]


def test_who_may_not_talk_learns_of_no_presence(channels: Channels, people: tuple[int, int]) -> None:
    alice, bob = people
    befriend(alice, bob)
    write(lambda session, now: friends.block(session, now, user_id=alice, other_id=bob))
    presence.report("relay", {alice: 1, bob: 1})
    tasks.tell_presence(alice, bob)
    assert channels.notes() == []
