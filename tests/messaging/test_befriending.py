"""Tests of making many pairs of users friends at once."""

import pytest
from sqlalchemy import select

from db.friend import Friend
from db.friend_request import FriendRequest, RequestState
from db.session import read, write
from messaging import friends
from messaging.befriending import befriend
from messaging.login import Account, add, close_account
from messaging.users import ids

NOBODY = 2**53 - 1


@pytest.fixture
def people(any_database: str) -> tuple[int, ...]:
    """Returns the ids of Alice, Bob, Carol and Dave, who are not friends."""
    names = ("alice", "bob", "carol", "dave")
    return tuple(int(write(add, username=name, password_hash="x", nickname=name)["id"]) for name in names)


def all_friends() -> set[tuple[int, int]]:
    return read(lambda session, _now: {tuple(row) for row in session.execute(select(Friend.user_id, Friend.friend_id))})


def requests() -> list[RequestState]:
    return read(lambda session, _now: list(session.scalars(select(FriendRequest.state).order_by(FriendRequest.id))))


def test_pairs_become_friends_and_stay_so(people: tuple[int, ...]) -> None:
    alice, bob, carol, _ = people
    for _ in range(2):
        assert write(befriend, pairs=[(alice, bob), (bob, alice), (carol, alice)]) == set()
        assert all_friends() == {(alice, bob), (bob, alice), (alice, carol), (carol, alice)}


def test_whoever_is_not_there_is_told_and_left_out(people: tuple[int, ...]) -> None:
    alice, bob, carol, dave = people
    write(close_account, account=Account({"id": dave, "username": "dave"}, "x", 0))
    assert write(befriend, pairs=[(alice, NOBODY), (carol, dave), (alice, bob)]) == {NOBODY, dave}
    assert all_friends() == {(alice, bob), (bob, alice)}
    assert read(ids, usernames=["alice", "dave", "ü😀"]) == {"alice": alice}


def test_their_open_requests_are_accepted_and_no_others(people: tuple[int, ...]) -> None:
    alice, bob, carol, dave = people
    write(friends.request, user_id=alice, to_user_id=bob, message="")
    write(friends.request, user_id=alice, to_user_id=carol, message="")
    write(friends.request, user_id=dave, to_user_id=alice, message="")
    write(befriend, pairs=[(bob, alice), (carol, dave)])
    assert requests() == [RequestState.ACCEPTED, RequestState.PENDING, RequestState.PENDING]


def test_who_has_blocked_somebody_goes_on_to(people: tuple[int, ...]) -> None:
    alice, bob, *_ = people
    write(friends.block, user_id=alice, other_id=bob)
    write(befriend, pairs=[(alice, bob)])
    assert read(friends.blocks, user_id=alice, page=1, limit=9)[1] == 1
