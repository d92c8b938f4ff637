"""Tests that an outside directory says who is a friend, before the transaction, and what members are called."""

from collections.abc import Iterator

import pytest

from actions import groups
from actions.directory import DirectoryUnavailable
from infra.settings import settings
from messaging.errors import Code
from tests.rpc.outside import Outside

ALICE, BOB, CAROL = 1, 2, 3


@pytest.fixture
def outside(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """Yields another system's services, by which Alice and Bob are friends."""
    made = Outside()
    made.friends = {ALICE: "Alice of elsewhere", BOB: "Bob of elsewhere"}
    monkeypatch.setenv("FRIEND_RPC", made.address)
    monkeypatch.setenv("USERCENTER_RPC", made.address)
    monkeypatch.setattr(groups, "poke", lambda _: None)
    settings.cache_clear()
    yield made
    made.stop()
    monkeypatch.undo()
    settings.cache_clear()


def test_friends_by_an_outside_directory_make_a_group(outside: Outside) -> None:
    made = groups.create(ALICE, name="us", member_ids=[BOB, CAROL])
    assert made["failed"] == [{"user_id": CAROL, "code": Code.NOT_FRIENDS}]
    group_id = made["group"]["id"]
    groups.leave(BOB, group_id=group_id)
    answer = groups.invite(ALICE, group_id=group_id, user_ids=[BOB, CAROL])
    assert (answer["added"], len(answer["failed"])) == ([BOB], 1)


def test_members_are_called_as_an_outside_directory_says(outside: Outside) -> None:
    group_id = groups.create(ALICE, name="us", member_ids=[BOB])["group"]["id"]
    groups.join(CAROL, group_id=group_id)
    groups.update_member(ALICE, group_id=group_id, nickname="the boss")
    found = groups.members(ALICE, group_id=group_id)["members"]
    names = {each["user_id"]: (each["nickname"], each["avatar"]) for each in found}
    assert names == {ALICE: ("the boss", "a.png"), BOB: ("Bob of elsewhere", "a.png"), CAROL: ("", "")}


def test_who_asks_to_join_is_called_so_too(outside: Outside) -> None:
    group_id = groups.create(ALICE, name="us", join_approval=True)["group"]["id"]
    groups.join(BOB, group_id=group_id)
    [entry] = groups.requests(ALICE, group_id=group_id)["requests"]
    assert entry["user"] == {"id": BOB, "username": "", "nickname": "Bob of elsewhere", "avatar": "a.png"}


def test_a_directory_that_is_away_lets_nobody_in_and_stops_nothing_else(outside: Outside) -> None:
    group_id = groups.create(ALICE, name="us")["group"]["id"]
    outside.stop()
    with pytest.raises(DirectoryUnavailable):
        groups.invite(ALICE, group_id=group_id, user_ids=[BOB])
    with pytest.raises(DirectoryUnavailable):
        groups.create(ALICE, name="us", member_ids=[BOB])
    assert groups.mine(ALICE)["total"] == 1
    assert groups.join(CAROL, group_id=group_id)["joined"]
    assert groups.members(ALICE, group_id=group_id)["total"] == 2
