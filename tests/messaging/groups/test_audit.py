"""Tests that the auditor finds what was broken by hand in a group, and repairs it."""

from typing import Any

import pytest
from sqlalchemy import delete, update

from db import session as database
from db.conversation import Conversation
from db.group import Group
from db.group_member import GroupMember
from db.head import Head
from db.session import write
from messaging.audit import audit, looks_wrong
from messaging.conversation_id import group
from messaging.drift import WHOLE, Audited, Part
from messaging.read import read
from messaging.recall import recall
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, draft, drain, set_view, store, view
from tests.messaging.groups.counting import leaving


@pytest.fixture
def team(any_database: str) -> int:
    """Make a group of Alice, Bob and Carol with five messages of Alice, one recalled and two read by Bob."""
    group_id = groups.made(ALICE, BOB, CAROL)
    sent = [answer.message for answer in store(*(draft(ALICE, 0, group_id=group_id) for _ in range(5)))]  # type: ignore[union-attr]
    write(read, user_id=BOB, conversation_id=group(group_id), message_id=sent[1]["id"])
    write(recall, user_id=ALICE, message_id=sent[2]["id"])
    drain()
    return group_id


def audited(group_id: int, *, repair: bool = False, part: Part = WHOLE) -> Audited:
    return write(audit, conversation_id=group(group_id), repair=repair, part=part)


def found(group_id: int, *, repair: bool = False) -> dict[tuple[int, str], tuple[Any, Any]]:
    """Returns the drift as (user, what) → (stored, right)."""
    return {(each.user_id, each.what): (each.stored, each.right) for each in audited(group_id, repair=repair).drift}


def looks(group_id: int) -> bool:
    return database.read(looks_wrong, conversation_id=group(group_id), part=WHOLE)


def is_repaired(group_id: int) -> None:
    """Fail unless the drift is found again until it is repaired, and then no more."""
    before = found(group_id)
    assert before, "looking repairs nothing"
    assert looks(group_id)
    assert found(group_id, repair=True) == before
    assert found(group_id) == {}
    assert not looks(group_id)


def test_nothing_is_found_when_nothing_is_wrong(team: int) -> None:
    assert audited(team) == Audited([], None)
    assert not looks(team)


@pytest.mark.parametrize(
    ("broken", "right"),
    [({"base": 0}, 3), ({"base": 5}, 3), ({"read_seq": 9, "base": 5}, 6), ({"delivered_seq": 9}, 6)],
    ids=str,
)
def test_a_members_row_that_drifted(team: int, broken: dict[str, int], right: int) -> None:
    """Bob has read seqs 1 to 3; the message of seq 4 was recalled, so 5 and 6 are unread: 5 counted less 2."""
    set_view(BOB, group(team), **broken)
    what, stored = next(iter(broken.items()))
    assert found(team)[BOB, what] == (stored, right)
    is_repaired(team)
    assert getattr(view(BOB, group(team)), what) == right


def test_the_count_of_who_has_left(team: int) -> None:
    """Carol has four unread, and does not see the message after her."""
    write(leaving(team, CAROL))
    store(draft(ALICE, 0, group_id=team))
    drain()
    assert found(team) == {}
    set_view(CAROL, group(team), base=1)
    assert found(team) == {(CAROL, "base"): (1, 4)}
    is_repaired(team)
    assert view(CAROL, group(team)).base == 4


@pytest.mark.parametrize(
    ("column", "stored", "right"), [("counted", 7, 5), ("last_message_id", None, 6), ("last_message_id", 2, 6)]
)
def test_a_head_that_drifted(team: int, column: str, stored: int | None, right: int) -> None:
    write(lambda session, _: session.execute(update(Head).values({column: stored})))
    assert found(team)[0, f"head {column}"] == (stored, right)
    is_repaired(team)


def test_a_wrong_number_of_members(team: int) -> None:
    write(lambda session, _: session.execute(update(Group).values(member_count=9)))
    assert found(team) == {(0, "member_count"): (9, 3)}
    is_repaired(team)


def test_a_row_without_its_membership_and_the_other_way_round(team: int) -> None:
    member = (GroupMember.group_id == team, GroupMember.user_id == CAROL)
    write(lambda session, _: session.execute(delete(GroupMember).where(*member)))
    assert found(team) == {(0, "member_count"): (3, 2), (CAROL, "membership"): (True, False)}
    set_view(BOB, group(team), upto_seq=3)
    assert found(team)[BOB, "membership"] == (False, True)


def test_a_member_who_has_no_row(team: int) -> None:
    rows = (Conversation.conversation_id == group(team), Conversation.user_id == CAROL)
    write(lambda session, _: session.execute(delete(Conversation).where(*rows)))
    assert found(team) == {(0, "rows"): (2, 3)}
    assert looks(team)


def test_an_owner_who_is_not_one(team: int) -> None:
    write(lambda session, _: session.execute(update(Group).values(owner_id=DAVE)))
    assert found(team) == {(DAVE, "owner"): ([ALICE], DAVE)}


def test_a_group_that_is_gone(team: int) -> None:
    write(lambda session, _: session.execute(delete(Group)))
    assert found(team) == {(0, "conversation_id"): (group(team), None)}


def test_only_some_rows_of_a_large_group_are_checked_at_a_time(team: int) -> None:
    for user in (ALICE, BOB, CAROL):
        set_view(user, group(team), base=9)
    parts = [Part(most=100, place=place / 10, members=1) for place in range(10)]
    drifts = [audited(team, part=part).drift for part in parts]
    assert {len(each) for each in drifts} == {1}
    assert len({each[0].user_id for each in drifts}) > 1
    assert not audited(team, part=Part(most=0, place=0)).drift, "more is unread than is counted"
