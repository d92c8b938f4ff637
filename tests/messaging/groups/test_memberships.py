"""Tests of the groups that a relay learns its users are in."""

from db.session import read
from messaging.conversation_id import group
from messaging.groups.memberships import Membership, memberships
from tests.groups import made
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, project, set_view, stored


def of(*user_ids: int) -> dict[int, list[Membership]]:
    return read(memberships, user_ids=user_ids)


def test_each_of_many_users_is_in_their_own_groups(any_database: str) -> None:
    befriend(ALICE, BOB)
    stored(ALICE, BOB)
    project()
    one, other = (group(made(ALICE, *members)) for members in ((BOB,), (BOB, CAROL)))
    both = [Membership(one, 1, 1), Membership(other, 1, 1)]
    assert of(ALICE, BOB, CAROL, 99, BOB) == {ALICE: both, BOB: both, CAROL: both[1:], 99: []}
    assert of() == {}


def test_a_member_sees_from_the_message_on_that_added_them(any_database: str) -> None:
    name = group(made(ALICE, BOB))
    set_view(BOB, name, first_seq=5)
    assert of(BOB) == {BOB: [Membership(name, 5, 1)]}


def test_who_has_left_is_in_it_no_more(any_database: str) -> None:
    name = group(made(ALICE, BOB))
    set_view(BOB, name, upto_seq=1)
    assert of(ALICE, BOB) == {ALICE: [Membership(name, 1, 1)], BOB: []}
