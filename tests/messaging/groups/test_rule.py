"""Tests of ruling a group: what it says of itself, roles, mutes, a new owner, and its end."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from actions import groups
from db.group_member import GroupMember
from db.session import write
from messaging.errors import Code
from messaging.groups.roles import Role
from messaging.groups.standing import Standing, standings
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, read, refusal
from tests.messaging.groups.conftest import FRANK, at_once, roles, row_of, said


def member(group_id: int, user_id: int) -> dict[str, Any]:
    [found] = [each for each in groups.members(ALICE, group_id=group_id)["members"] if each["user_id"] == user_id]
    return found


def standing(group_id: int, user_id: int) -> Standing:
    return read(lambda session: standings(session, [(group_id, user_id)]).of(group_id, user_id))


@pytest.mark.parametrize(
    "field", ["name", "avatar", "description", "notice", "is_private", "join_approval", "allow_invite", "mute_all"]
)
def test_a_change_is_stored_and_said(group_id: int, field: str) -> None:
    before = groups.info(ALICE, group_id=group_id)["group"]
    new = (not before[field]) if isinstance(before[field], bool) else "new"
    same = "description" if field != "description" else "name"
    after = groups.update(BOB, group_id=group_id, **{field: new, same: before[same]})["group"]
    assert after == before | {field: new, "update_time": after["update_time"]}
    assert groups.info(CAROL, group_id=group_id)["group"] == after
    assert said(group_id)[-1] == {"event": "updated", "user_ids": [], "fields": {field: new}, "actor": BOB}


@pytest.mark.parametrize("fields", [{}, {"name": "us"}, {"name": "us", "mute_all": False, "notice": ""}])
def test_what_changes_nothing_is_refused(group_id: int, fields: dict[str, Any]) -> None:
    before = len(said(group_id))
    assert refusal(lambda: groups.update(ALICE, group_id=group_id, **fields)) is Code.INVALID
    assert len(said(group_id)) == before


def test_a_text_can_be_taken_back(group_id: int) -> None:
    groups.update(ALICE, group_id=group_id, notice="read this")
    assert groups.update(ALICE, group_id=group_id, notice="")["group"]["notice"] == ""


def test_a_role_is_given_and_taken(group_id: int) -> None:
    assert groups.set_role(ALICE, group_id=group_id, user_id=CAROL, role=2) == {}
    assert roles(group_id) == {ALICE: 3, BOB: 2, CAROL: 2}
    assert said(group_id)[-1] == {"event": "role_changed", "user_ids": [CAROL], "role": 2, "actor": ALICE}
    groups.set_role(ALICE, group_id=group_id, user_id=BOB, role=1)
    assert roles(group_id) == {ALICE: 3, BOB: 1, CAROL: 2}


def test_a_role_that_changes_nothing_or_ones_own_is_refused(group_id: int) -> None:
    before = len(said(group_id))
    for user_id, role, code in (
        (BOB, 2, Code.INVALID),
        (CAROL, 1, Code.INVALID),
        (ALICE, 1, Code.INVALID),
        (FRANK, 2, Code.NOT_A_MEMBER),
    ):
        call = {"group_id": group_id, "user_id": user_id, "role": role}
        assert refusal(lambda call=call: groups.set_role(ALICE, **call)) is code
    assert (roles(group_id), len(said(group_id))) == ({ALICE: 3, BOB: 2, CAROL: 1}, before)


def test_who_is_muted_may_not_write_until_then(group_id: int) -> None:
    assert member(group_id, CAROL)["mute_end_time"] is None
    assert groups.mute(BOB, group_id=group_id, user_ids=[CAROL], seconds=60) == {"muted": [CAROL], "failed": []}
    assert said(group_id)[-1] == {"event": "members_muted", "user_ids": [CAROL], "seconds": 60, "actor": BOB}
    found = standing(group_id, CAROL)
    assert found.mute_end_time is not None
    just, over = (found.mute_end_time - timedelta(seconds=each) for each in (1, 0))
    assert (found.muted(just), found.muted(over)) == (True, False)
    assert member(group_id, CAROL)["mute_end_time"] > 1_700_000_000
    groups.mute(BOB, group_id=group_id, user_ids=[CAROL], seconds=0)
    assert said(group_id)[-1]["seconds"] == 0
    assert member(group_id, CAROL)["mute_end_time"] is None


def test_all_are_muted_but_owner_and_admins(group_id: int) -> None:
    groups.update(ALICE, group_id=group_id, mute_all=True)
    now = row_of(group_id).create_time
    assert {user: standing(group_id, user).muted(now) for user in (ALICE, BOB, CAROL)} == {
        ALICE: False,
        BOB: False,
        CAROL: True,
    }


def test_the_group_is_handed_over(group_id: int) -> None:
    groups.mute(ALICE, group_id=group_id, user_ids=[CAROL], seconds=60)
    answer = groups.transfer(ALICE, group_id=group_id, user_id=CAROL)
    assert answer["group"]["owner_id"] == CAROL
    assert roles(group_id) == {ALICE: 2, BOB: 2, CAROL: 3}
    assert member(group_id, CAROL)["mute_end_time"] is None, "nobody could let them write again"
    assert said(group_id)[-1] == {"event": "owner_changed", "user_ids": [CAROL], "actor": ALICE}
    assert groups.leave(ALICE, group_id=group_id) == {}


def test_the_group_is_handed_over_to_another_member_only(group_id: int) -> None:
    assert refusal(lambda: groups.transfer(ALICE, group_id=group_id, user_id=ALICE)) is Code.INVALID
    assert refusal(lambda: groups.transfer(ALICE, group_id=group_id, user_id=DAVE)) is Code.NOT_A_MEMBER
    assert row_of(group_id).owner_id == ALICE


def fight(group_id: int) -> None:
    """Hand the group over to two others at once, one of whom leaves, while both get roles."""
    owner = row_of(group_id).owner_id
    one, other = (user for user in roles(group_id) if user != owner)
    at_once(
        lambda: groups.transfer(owner, group_id=group_id, user_id=one),
        lambda: groups.transfer(owner, group_id=group_id, user_id=other),
        lambda: groups.leave(one, group_id=group_id),
        lambda: groups.set_role(owner, group_id=group_id, user_id=one, role=2),
        lambda: groups.set_role(owner, group_id=group_id, user_id=other, role=2),
    )


def test_a_group_has_one_owner_whatever_happens_at_once(group_id: int) -> None:
    for _ in range(4):
        fight(group_id)
        owners = [user for user, role in roles(group_id).items() if role == Role.OWNER]
        assert owners == [row_of(group_id).owner_id]
        for user in {ALICE, BOB, CAROL} - roles(group_id).keys():
            groups.join(user, group_id=group_id)


def test_a_dissolved_group_is_read_and_left(group_id: int) -> None:
    assert groups.dissolve(ALICE, group_id=group_id) == {}
    assert said(group_id)[-1] == {"event": "dissolved", "user_ids": [], "actor": ALICE}
    assert groups.info(CAROL, group_id=group_id)["group"]["status"] == 2
    assert [each["id"] for each in groups.mine(CAROL)["groups"]] == [group_id]
    for user in (CAROL, ALICE):
        groups.leave(user, group_id=group_id)
    assert roles(group_id) == {BOB: 2}
    assert groups.mine(CAROL) == {"groups": [], "total": 0}


def test_a_nickname_is_ones_own_and_no_change_of_the_group(group_id: int) -> None:
    before = len(said(group_id))
    answer = groups.update_member(CAROL, group_id=group_id, nickname="小卡")
    row = write(lambda session, _: session.scalars(select(GroupMember).where(GroupMember.user_id == CAROL)).one())
    assert row.nickname == "小卡"
    assert answer == {"member": member(group_id, CAROL)}
    assert answer["member"]["nickname"] == "小卡"
    assert groups.update_member(CAROL, group_id=group_id, nickname="")["member"]["nickname"] == ""
    assert len(said(group_id)) == before
