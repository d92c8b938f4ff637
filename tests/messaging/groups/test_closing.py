"""Tests of closing an account: its groups go on without the user, and none is left without an owner."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from actions import closing, groups
from db.group_member import GroupMember
from db.session import read, write
from messaging import users
from messaging.conversation_id import group
from messaging.errors import Code
from messaging.groups.closing import leave_some, still_in_groups
from messaging.login import Account, add, begin_for, close_account
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, head, nothing_drifts, refusal, view
from tests.messaging.groups.conftest import ERIN, at_once, new_group, roles, row_of, said


@pytest.fixture
def accounts(friends: None, poked: list[int | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the users accounts."""
    monkeypatch.setattr(closing, "poke", poked.append)
    for name in ("alice", "bob", "carol", "dave", "erin"):
        write(add, username=name, password_hash="x", nickname=name.title())


def account(user_id: int) -> Account:
    found = write(begin_for, user_id=user_id, address="192.0.2.1")
    assert found
    return found


def close(user_id: int) -> None:
    """Close an account, and leave its groups."""
    write(close_account, account=account(user_id))
    closing.leave_groups(user_id)


def joined_before(group_id: int, user_id: int) -> None:
    """Let a member have joined a day earlier."""
    row = (GroupMember.group_id == group_id, GroupMember.user_id == user_id)
    earlier = row_of(group_id).create_time - timedelta(days=1)
    write(lambda session, _: session.execute(update(GroupMember).where(*row).values(join_time=earlier)))


def test_who_closes_an_account_leaves_all_groups(accounts: None, poked: list[int | None]) -> None:
    mine = [new_group(BOB, ALICE), new_group(CAROL, ALICE, BOB)]
    other = new_group(BOB, CAROL)
    poked.clear()
    close(ALICE)
    assert [roles(each) for each in mine] == [{BOB: 3}, {CAROL: 3, BOB: 1}]
    for each in mine:
        assert said(each)[-1] == {"event": "member_left", "user_ids": [ALICE], "actor": ALICE}
        assert (view(ALICE, group(each)).upto_seq, row_of(each).member_count) == (2, len(roles(each)))
    assert poked == sorted({head(group(each)).shard for each in mine})
    assert len(said(other)) == 1


def test_the_oldest_admin_inherits(accounts: None) -> None:
    mine = new_group(ALICE, BOB, CAROL, DAVE)
    for user in (CAROL, DAVE):
        groups.set_role(ALICE, group_id=mine, user_id=user, role=2)
    joined_before(mine, BOB)
    joined_before(mine, DAVE)
    before = len(said(mine))
    close(ALICE)
    assert roles(mine) == {BOB: 1, CAROL: 2, DAVE: 3}
    assert row_of(mine).owner_id == DAVE
    assert said(mine)[before:] == [
        {"event": "owner_changed", "user_ids": [DAVE], "actor": ALICE},
        {"event": "member_left", "user_ids": [ALICE], "actor": ALICE},
    ]
    assert head(group(mine)).last_seq == head(group(mine)).members_seq == view(ALICE, group(mine)).upto_seq


def test_without_an_admin_the_oldest_member_inherits(accounts: None) -> None:
    mine = new_group(ALICE, BOB, CAROL)
    joined_before(mine, CAROL)
    close(ALICE)
    assert roles(mine) == {BOB: 1, CAROL: 3}


def test_without_a_member_the_group_is_dissolved(accounts: None) -> None:
    mine = new_group(ALICE)
    close(ALICE)
    assert [each["event"] for each in said(mine)] == ["created", "dissolved", "member_left"]
    assert (roles(mine), row_of(mine).status, row_of(mine).member_count) == ({}, 2, 0)


def test_a_dissolved_group_has_no_heir(accounts: None) -> None:
    mine = new_group(ALICE, BOB)
    groups.dissolve(ALICE, group_id=mine)
    close(ALICE)
    assert roles(mine) == {BOB: 1}
    assert said(mine)[-1]["event"] == "member_left"


def test_requests_of_a_closed_account_are_rejected(accounts: None) -> None:
    mine = new_group(ALICE, BOB, join_approval=True)
    number = groups.join(CAROL, group_id=mine)["request_id"]
    close(CAROL)
    assert groups.requests(ALICE, group_id=mine)["total"] == 0
    assert refusal(lambda: groups.handle(ALICE, request_id=number, action="accept")) is Code.REQUEST_HANDLED


def test_a_closed_account_comes_into_no_group(accounts: None) -> None:
    mine = new_group(ALICE, BOB)
    close(CAROL)
    assert refusal(lambda: groups.join(CAROL, group_id=mine)) is Code.UNAUTHENTICATED
    assert refusal(lambda: groups.create(CAROL, name="us")) is Code.UNAUTHENTICATED
    answer = groups.invite(ALICE, group_id=mine, user_ids=[CAROL])
    assert answer["failed"] == [{"user_id": CAROL, "code": Code.NOT_FRIENDS}]


def test_nobody_is_brought_into_a_group_while_their_account_is_closed(accounts: None) -> None:
    """Whoever comes first: at the end they are in no group, and all groups have an owner."""
    mine = new_group(ALICE, ERIN)
    guarded = new_group(ALICE, join_approval=True)
    for user in (BOB, CAROL, DAVE):
        number = groups.join(user, group_id=guarded)["request_id"]
        at_once(
            lambda user=user: close(user),
            lambda user=user: groups.invite(ALICE, group_id=mine, user_ids=[user]),
            lambda user=user: groups.join(user, group_id=mine),
            lambda number=number: groups.handle(ALICE, request_id=number, action="accept"),
            lambda user=user: groups.create(ALICE, name="new", member_ids=[user]),
        )
        assert groups.mine(user)["total"] == 0
        assert user not in roles(mine).keys() | roles(guarded).keys()


def test_accounts_closed_at_once_leave_no_group_without_an_owner(accounts: None) -> None:
    mine = [new_group(ALICE, BOB, CAROL), new_group(BOB, CAROL, ALICE), new_group(CAROL, ALICE, DAVE)]
    at_once(*(lambda user=user: close(user) for user in (ALICE, BOB, CAROL)))
    assert [roles(each) for each in mine] == [{}, {}, {DAVE: 3}]
    assert [row_of(each).status for each in mine] == [2, 2, 1]
    for each in mine:
        nothing_drifts(group(each))


def test_closed_accounts_are_told_apart(accounts: None) -> None:
    close(BOB)
    assert write(lambda session, _: users.hold_open(session, [ALICE, BOB, 404])) == {BOB}


def test_who_is_in_many_groups_holds_few_at_a_time(accounts: None) -> None:
    mine = [new_group(BOB, ALICE) for _ in range(45)]
    write(close_account, account=account(ALICE))
    assert {len(roles(each)) for each in mine} == {2}, "none waits for the account"
    assert [len(write(leave_some, user_id=ALICE)) for _ in range(4)] == [20, 20, 5, 0]
    assert {len(roles(each)) for each in mine} == {1}


def test_two_who_take_a_user_out_do_not_take_them_out_twice(accounts: None) -> None:
    mine = [new_group(BOB, ALICE) for _ in range(30)]
    write(close_account, account=account(ALICE))
    at_once(*[lambda: closing.leave_groups(ALICE)] * 3)
    closing.leave_groups(ALICE)  # of the three, all but the last to work may have given up
    assert [[each["event"] for each in said(one)] for one in mine] == [["created", "member_left"]] * 30


def test_what_was_cut_short_is_found_and_finished(accounts: None) -> None:
    mine = [new_group(BOB, ALICE) for _ in range(25)]
    close(CAROL)
    assert read(still_in_groups) == []
    write(close_account, account=account(ALICE))
    write(leave_some, user_id=ALICE)
    assert read(still_in_groups) == [ALICE]
    closing.leave_the_rest()
    assert read(still_in_groups) == []
    assert {len(roles(each)) for each in mine} == {1}
