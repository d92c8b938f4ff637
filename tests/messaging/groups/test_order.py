"""Tests of changes that wait for each other, in the order that shows what they lock. On MariaDB, which locks rows."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from actions import closing, groups
from db.group_member import GroupMember
from db.head import Head
from db.session import engine, write
from db.user import User
from messaging.errors import Code, Refused
from messaging.login import Account, add, begin_for, close_account
from tests.messaging.conftest import ALICE, BOB, CAROL
from tests.messaging.groups.conftest import all_friends, new_group, roles, said
from tests.processes import PATIENCE, wait_until

_LOCK_WAITS = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"


@pytest.fixture
def group_id(mariadb_database: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make a group of Alice and Bob, both of whom are admins, and give them and Carol accounts. Returns its id."""
    for module in (groups, closing):
        monkeypatch.setattr(module, "poke", lambda _: None)
    for name in ("alice", "bob", "carol"):
        write(add, username=name, password_hash="x", nickname=name.title())
    all_friends(ALICE, BOB, CAROL)
    made = new_group(ALICE, BOB)
    groups.set_role(ALICE, group_id=made, user_id=BOB, role=2)
    return made


@pytest.fixture
def holder(group_id: int) -> Iterator[Connection]:
    """Yields a transaction that holds locks until it is rolled back."""
    with engine().connect() as connection:
        yield connection


def waiting(holder: Connection, *calls: Future[Any]) -> None:
    """Wait until each of these calls either waits for a lock or has ended."""

    def all_stand() -> bool:
        waits = int(holder.exec_driver_sql(_LOCK_WAITS).one()[1])
        return waits + sum(call.done() for call in calls) >= len(calls)

    wait_until(all_stand, "the calls to wait or end")


def outcome(call: Future[Any]) -> Any:
    try:
        return call.result(PATIENCE)
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("actions", [("accept", "accept"), ("accept", "reject"), ("reject", "reject")])
def test_of_two_answers_that_wait_one_counts(group_id: int, holder: Connection, actions: tuple[str, str]) -> None:
    groups.update(ALICE, group_id=group_id, join_approval=True)
    request = groups.join(CAROL, group_id=group_id)["request_id"]
    holder.execute(select(Head).with_for_update())
    with ThreadPoolExecutor() as pool:
        calls = [
            pool.submit(groups.handle, user, request_id=request, action=action)
            for user, action in zip((ALICE, BOB), actions, strict=True)
        ]
        waiting(holder, *calls)
        holder.rollback()
        outcomes = [outcome(call) for call in calls]
    assert sorted(map(str, outcomes)) == [str(int(Code.REQUEST_HANDLED)), "{}"]
    counted = actions[outcomes.index({})]
    assert (CAROL in roles(group_id)) is (counted == "accept")


def accepting(group_id: int) -> Callable[[], Any]:
    groups.update(ALICE, group_id=group_id, join_approval=True)
    request = groups.join(CAROL, group_id=group_id)["request_id"]
    return lambda: groups.handle(ALICE, request_id=request, action="accept")


COMING: dict[str, Callable[[int], Callable[[], Any]]] = {
    "invited": lambda group_id: lambda: groups.invite(ALICE, group_id=group_id, user_ids=[CAROL]),
    "joining": lambda group_id: lambda: groups.join(CAROL, group_id=group_id),
    "accepted": accepting,
}


def account(user_id: int) -> Account:
    found = write(begin_for, user_id=user_id, address="192.0.2.1")
    assert found
    return found


@pytest.mark.parametrize("how", COMING)
def test_an_account_is_closed_after_whoever_brings_its_user_in(group_id: int, holder: Connection, how: str) -> None:
    """The holder stops Carol's coming in just before COMMIT, when the closing would not see it yet."""
    come, checked = COMING[how](group_id), account(CAROL)
    row = {"group_id": group_id, "user_id": CAROL, "role": 1}
    same = {"nickname": "", "inviter_id": 0, "join_time": "2026-01-01 00:00:00", "update_time": "2026-01-01 00:00:00"}
    holder.execute(insert(GroupMember), row | same)
    with ThreadPoolExecutor() as pool:
        coming = pool.submit(come)
        waiting(holder, coming)
        closed = pool.submit(write, close_account, account=checked)
        waiting(holder, coming, closed)
        holder.rollback()
        assert not isinstance(outcome(coming), Code)
        closed.result(PATIENCE)
    closing.leave_groups(CAROL)
    assert CAROL not in roles(group_id)
    assert said(group_id)[-1] == {"event": "member_left", "user_ids": [CAROL], "actor": CAROL}


def test_whoever_may_not_answer_a_request_waits_for_no_lock(group_id: int, holder: Connection) -> None:
    """Otherwise strangers could keep a user from changing their account, and a group from being written to."""
    groups.update(ALICE, group_id=group_id, join_approval=True)
    request = groups.join(CAROL, group_id=group_id)["request_id"]
    holder.execute(select(Head).with_for_update())
    holder.execute(select(User).with_for_update())
    with ThreadPoolExecutor() as pool:
        stranger = pool.submit(groups.handle, CAROL, request_id=request, action="accept")
        assert outcome(stranger) is Code.ROLE_TOO_LOW
