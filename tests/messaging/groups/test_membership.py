"""Tests of who is in a group and what they see of it: creating, inviting, removing, leaving, and coming back."""

import pytest

from actions import groups
from messaging.errors import Code
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, head, messages, refusal, view


@pytest.fixture
def friends(any_database: str) -> None:
    """Make Alice a friend of Bob and Carol."""
    befriend(ALICE, BOB)
    befriend(ALICE, CAROL)


def test_a_group_is_created_of_friends(friends: None) -> None:
    made = groups.create(ALICE, name="us", member_ids=[CAROL, BOB, DAVE])
    group = made["group"]
    print(made)
    assert made["failed"] == [{"user_id": DAVE, "code": 101007}]
    assert groups.remove(ALICE, group_id=group["id"], user_ids=[BOB]) == {"removed": [BOB], "failed": []}
    assert groups.invite(ALICE, group_id=group["id"], user_ids=[BOB])["added"] == [BOB]
    groups.leave(CAROL, group_id=group["id"])
    assert refusal(lambda: groups.leave(ALICE, group_id=group["id"])) is Code.OWNER_CANNOT_LEAVE
    print(groups.members(ALICE, group_id=group["id"]), groups.mine(ALICE))
    print([m.extra for m in messages()], head("group_1").last_seq, view(BOB, "group_1").first_seq)
    groups.update(ALICE, group_id=group["id"], name="we", join_approval=True)
    r = groups.join(DAVE, group_id=group["id"])
    print(groups.requests(ALICE, group_id=group["id"]))
    groups.handle(ALICE, request_id=r["request_id"], action="accept")
    groups.update_member(BOB, group_id=group["id"], nickname="bobby")
    groups.set_role(ALICE, group_id=group["id"], user_id=BOB, role=2)
    groups.mute(BOB, group_id=group["id"], user_ids=[DAVE, ALICE], seconds=60)
    groups.transfer(ALICE, group_id=group["id"], user_id=BOB)
    print(groups.members(ALICE, group_id=group["id"]))
    groups.dissolve(BOB, group_id=group["id"])
    print(groups.info(ALICE, group_id=group["id"]))
