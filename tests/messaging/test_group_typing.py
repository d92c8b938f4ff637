"""Tests of whose typing is told in a group."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from db.group import Group, GroupStatus
from db.group_member import GroupMember
from db.session import read, write
from messaging.conversation_id import group
from messaging.errors import Code, Refused
from messaging.groups.typing import MOST_MEMBERS, told_as_of
from tests.groups import changed, made, said
from tests.messaging.conftest import ALICE, BOB, CAROL, set_view

ADMIN = 77


def told(user_id: int, group_id: int) -> int | Code | None:
    """Returns as of which message the user's typing is told, if at all, or the code that it is refused with."""
    try:
        return read(told_as_of, conversation_id=group(group_id), user_id=user_id)
    except Refused as refused:
        return refused.code


def change(group_id: int, **values: Any) -> None:
    write(lambda session, _: session.execute(update(Group).where(Group.id == group_id).values(**values)))


def test_it_is_told_in_small_groups(any_database: str) -> None:
    name = made(ALICE, BOB)
    assert MOST_MEMBERS == 100
    change(name, member_count=100)
    assert told(BOB, name) == 1
    change(name, member_count=101)
    assert told(BOB, name) is None


def test_it_is_told_to_the_members_as_of_now(any_database: str) -> None:
    name = made(ALICE, BOB, CAROL)
    seq = changed(group(name), ALICE, went=(CAROL,))["seq"]
    said(group(name), BOB, "hello")
    assert told(BOB, name) == seq == 2


def test_who_is_no_member_is_refused(any_database: str) -> None:
    name = made(ALICE, BOB)
    write(lambda session, _: session.execute(delete(GroupMember).where(GroupMember.user_id == BOB)))
    set_view(BOB, group(name), upto_seq=1)
    assert told(CAROL, name) is Code.NO_SUCH_CONVERSATION
    assert told(ALICE, name + 1) is Code.NO_SUCH_CONVERSATION
    assert told(BOB, name) is Code.ROLE_TOO_LOW


def test_who_may_not_write_does_not_type(any_database: str) -> None:
    def mute(session: Session, now: datetime, *, seconds: int) -> None:
        until = now + timedelta(seconds=seconds)
        session.execute(update(GroupMember).where(GroupMember.user_id == BOB).values(mute_end_time=until))

    name = made(ALICE, BOB, admins=(ADMIN,))
    write(mute, seconds=60)
    assert (told(BOB, name), told(ADMIN, name)) == (Code.MUTED, 1)
    write(mute, seconds=0)
    assert told(BOB, name) == 1
    change(name, mute_all=True)
    assert (told(BOB, name), told(ADMIN, name), told(ALICE, name)) == (Code.MUTED, 1, 1)
    change(name, status=GroupStatus.DISSOLVED)
    assert told(ALICE, name) is Code.GROUP_DISSOLVED


@pytest.mark.parametrize("name", ["", "group_0", "1_2", "group_99999999999999999999"])
def test_what_is_no_group_is_refused(any_database: str, name: str) -> None:
    with pytest.raises(Refused) as refused:
        read(told_as_of, conversation_id=name, user_id=ALICE)
    assert refused.value.code is Code.NO_SUCH_CONVERSATION
