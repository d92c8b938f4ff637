"""Helpers that make groups by the rules, and look at what the rules have stored."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from sqlalchemy import insert, select, update

from actions import groups
from db.friend import Friend
from db.group import Group
from db.group_member import GroupMember
from db.session import write
from messaging.conversation_id import group
from messaging.errors import Refused
from messaging.groups.roles import Role
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, messages, read

ERIN, FRANK = 5, 6
USERS = (ALICE, BOB, CAROL, DAVE, ERIN, FRANK)


@pytest.fixture
def poked(any_database: str, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """Returns a list that collects the poked shards. The poker's own tests check that Redis gets them."""
    shards: list[int | None] = []
    monkeypatch.setattr(groups, "poke", shards.append)
    return shards


@pytest.fixture
def friends(poked: list[int | None]) -> None:
    """Make the users friends of each other, except Frank, who has none."""
    all_friends(*USERS[:-1])


@pytest.fixture
def group_id(friends: None) -> int:
    """Make a group that Alice owns, with Bob as an admin and Carol as a member. Returns its id."""
    made = new_group(ALICE, BOB, CAROL)
    groups.set_role(ALICE, group_id=made, user_id=BOB, role=Role.ADMIN)
    return made


def all_friends(*users: int) -> None:
    """Make all of these users friends of each other."""
    pairs = [(one, other) for one in users for other in users if one != other]
    rows = [{"user_id": one, "friend_id": other} for one, other in pairs]
    write(lambda session, now: session.execute(insert(Friend), [row | {"create_time": now} for row in rows]))


def new_group(owner: int, *members: int, **fields: Any) -> int:
    """Create a group of an owner and friends of theirs. Returns its id."""
    made = groups.create(owner, name="us", member_ids=members, **fields)
    assert made["failed"] == []
    return int(made["group"]["id"])


def set_group(group_id: int, **columns: Any) -> None:
    """Change a group's row by hand."""
    write(lambda session, _: session.execute(update(Group).where(Group.id == group_id).values(**columns)))


def roles(group_id: int) -> dict[int, int]:
    """Returns the role of each member."""
    members = select(GroupMember).where(GroupMember.group_id == group_id).order_by(GroupMember.user_id)
    return read(lambda session: {row.user_id: row.role for row in session.scalars(members)})


def row_of(group_id: int) -> Group:
    """Returns a group's row."""
    return read(lambda session: session.scalars(select(Group).where(Group.id == group_id)).one())


def said(group_id: int) -> list[dict[str, Any]]:
    """Returns the `extra` of the group's system messages, with the actor, oldest first."""
    of_group = [each for each in messages() if each.conversation_id == group(group_id)]
    return [orjson.loads(each.extra or "") | {"actor": each.from_user_id} for each in of_group]


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at once. Returns each one's answer, or the code of its refusal."""

    def answer(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Refused as error:
            return error.code

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(answer, calls))
