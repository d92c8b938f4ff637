"""Tests that a user comes into no more groups than one may be in: two, in these tests."""

import pytest

from actions import groups
from messaging.errors import Code
from messaging.groups import most
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, refusal
from tests.messaging.groups.conftest import FRANK, new_group, roles


@pytest.fixture
def mine(friends: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let users be in two groups, which Alice and Bob are. Returns the ids of theirs."""
    monkeypatch.setattr(most, "MOST_GROUPS", 2)
    return [new_group(ALICE, BOB), new_group(BOB, ALICE)]


def test_the_bound() -> None:
    assert most.MOST_GROUPS == 1_000


def test_who_is_in_the_most_groups_creates_none(mine: list[int]) -> None:
    assert refusal(lambda: groups.create(ALICE, name="third")) is Code.INVALID
    groups.leave(ALICE, group_id=mine[1])
    groups.create(ALICE, name="second")


def test_they_are_not_in_a_new_group_from_its_start(mine: list[int]) -> None:
    made = groups.create(CAROL, name="us", member_ids=[ALICE, DAVE, FRANK])
    assert made["failed"] == [
        {"user_id": FRANK, "code": Code.NOT_FRIENDS},
        {"user_id": ALICE, "code": Code.INVALID},
    ]
    assert roles(made["group"]["id"]) == {CAROL: 3, DAVE: 1}


@pytest.mark.parametrize("approval", [False, True])
def test_they_are_invited_and_join_in_vain(mine: list[int], approval: bool) -> None:
    other = new_group(CAROL, DAVE, join_approval=approval)
    answer = groups.invite(DAVE, group_id=other, user_ids=[ALICE, CAROL])
    assert sorted(answer["failed"], key=lambda each: each["user_id"]) == [
        {"user_id": ALICE, "code": Code.INVALID},
        {"user_id": CAROL, "code": Code.ALREADY_A_MEMBER},
    ]
    assert (answer["added"], answer["pending"]) == ([], [])
    assert refusal(lambda: groups.join(ALICE, group_id=other)) is Code.INVALID
    assert groups.requests(CAROL, group_id=other)["total"] == 0
    assert ALICE not in roles(other)


def test_whoever_is_no_friend_learns_nothing(mine: list[int]) -> None:
    other = new_group(CAROL)
    groups.join(FRANK, group_id=other)
    answer = groups.invite(FRANK, group_id=other, user_ids=[ALICE])
    assert answer["failed"] == [{"user_id": ALICE, "code": Code.NOT_FRIENDS}]


def test_their_request_waits_until_they_have_left_another(mine: list[int]) -> None:
    other = new_group(CAROL, join_approval=True)
    groups.leave(ALICE, group_id=mine[1])
    number = groups.join(ALICE, group_id=other)["request_id"]
    third = new_group(DAVE, ALICE)
    assert refusal(lambda: groups.handle(CAROL, request_id=number, action="accept")) is Code.INVALID
    groups.leave(ALICE, group_id=third)
    groups.handle(CAROL, request_id=number, action="accept")
    assert ALICE in roles(other)


def test_a_group_that_was_left_or_is_anothers_does_not_count(mine: list[int]) -> None:
    others = [new_group(CAROL) for _ in range(2)]
    for group_id in mine:
        groups.join(DAVE, group_id=group_id)
        groups.leave(DAVE, group_id=group_id)
    assert groups.invite(CAROL, group_id=others[0], user_ids=[DAVE])["added"] == [DAVE]
