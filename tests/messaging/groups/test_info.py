"""Tests of the lists of members and of groups, and of asking whether a user is in one."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from actions import groups
from db.group_member import GroupMember
from db.session import write
from messaging.errors import Code
from messaging.login import add
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, refusal
from tests.messaging.groups.conftest import ERIN, FRANK, new_group


def joined_later(group_id: int, *users: int) -> None:
    """Let these members have joined one after the other, an hour between them."""

    def change(session: Session, now: datetime) -> None:
        for hours, user in enumerate(users, 1):
            row = (GroupMember.group_id == group_id, GroupMember.user_id == user)
            session.execute(update(GroupMember).where(*row).values(join_time=now + timedelta(hours=hours)))

    write(change)


def page(group_id: int, number: int = 1, limit: int = 20, role: int | None = None) -> list[int]:
    found = groups.members(CAROL, group_id=group_id, page=number, limit=limit, role=role)
    return [each["user_id"] for each in found["members"]]


def test_the_highest_role_comes_first_and_then_the_newest(group_id: int) -> None:
    for user in (DAVE, ERIN, FRANK):
        groups.join(user, group_id=group_id)
    joined_later(group_id, CAROL, ERIN, DAVE, BOB, FRANK)
    groups.set_role(ALICE, group_id=group_id, user_id=ERIN, role=2)
    assert page(group_id) == [ALICE, BOB, ERIN, FRANK, DAVE, CAROL]
    assert [page(group_id, number, 4) for number in (1, 2, 3)] == [[ALICE, BOB, ERIN, FRANK], [DAVE, CAROL], []]
    assert [page(group_id, role=role) for role in (1, 2, 3)] == [[FRANK, DAVE, CAROL], [BOB, ERIN], [ALICE]]
    assert page(group_id, 2, 2, role=1) == [CAROL]
    totals = [groups.members(CAROL, group_id=group_id, role=role, limit=1)["total"] for role in (None, 1, 2, 3)]
    assert totals == [6, 3, 2, 1]


def test_a_member_is_called_as_in_the_group_or_as_ever(group_id: int) -> None:
    for name in ("alice", "bob", "carol"):
        write(add, username=name, password_hash="x", nickname=name.title())
    groups.update_member(BOB, group_id=group_id, nickname="the boss")
    found = {each["user_id"]: each["nickname"] for each in groups.members(ALICE, group_id=group_id)["members"]}
    assert found == {ALICE: "Alice", BOB: "the boss", CAROL: "Carol"}
    assert groups.update_member(BOB, group_id=group_id, nickname="")["member"]["nickname"] == "Bob"


def test_a_service_may_know_all_members(group_id: int) -> None:
    groups.update(ALICE, group_id=group_id, is_private=True)
    assert groups.members(None, group_id=group_id)["total"] == 3
    assert refusal(lambda: groups.members(None, group_id=404)) is Code.NO_SUCH_GROUP


def test_ones_groups_the_newest_first(group_id: int) -> None:
    second = new_group(CAROL)
    third = new_group(DAVE, CAROL)
    new_group(DAVE)
    groups.leave(CAROL, group_id=third)
    whole = groups.mine(CAROL)
    assert [each["id"] for each in whole["groups"]] == [second, group_id]
    assert whole["groups"][1] == groups.info(CAROL, group_id=group_id)["group"]
    assert [[each["id"] for each in groups.mine(CAROL, page=at, limit=1)["groups"]] for at in (1, 2, 3)] == [
        [second],
        [group_id],
        [],
    ]
    assert groups.mine(CAROL, page=3)["total"] == 2


def test_whether_a_user_is_in_a_group(group_id: int) -> None:
    asked = [groups.check_membership(user, group_id) for user in (ALICE, BOB, CAROL, DAVE)]
    assert asked == [(True, 3), (True, 2), (True, 1), (False, 0)]
    assert groups.check_membership(ALICE, 404) == (False, 0)
