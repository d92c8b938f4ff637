"""Tests of what a connection is told at first: its user's unread messages, and whether any wait for a device."""

from datetime import datetime

from db.session import read
from messaging.conversation_id import group
from messaging.delivered import Proof
from messaging.groups.memberships import Membership
from messaging.hello import Hello, hellos
from tests.groups import made, set_head
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, project, set_view, store_many, store_proofs, stored


def told(*user_ids: int) -> dict[int, Hello]:
    found = read(hellos, user_ids=user_ids)
    assert all(isinstance(each.now, datetime) for each in found.values())
    return found


def test_each_of_many_users_is_told_their_own(any_database: str) -> None:
    befriend(ALICE, BOB)
    befriend(ALICE, CAROL)
    store_many(ALICE, BOB, 2)
    store_many(ALICE, CAROL, 3)
    stored(CAROL, ALICE)
    project()
    store_proofs(Proof(BOB, "1_2", 0, 2))
    found = told(ALICE, BOB, CAROL, 99, BOB)
    assert {user: each.total_unread for user, each in found.items()} == {ALICE: 1, BOB: 2, CAROL: 3, 99: 0}
    assert {user: each.tops for user, each in found.items()} == {ALICE: None, BOB: [("1_2", 2)], CAROL: None, 99: []}


def test_muted_and_hidden_conversations_are_not_counted(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    assert told(BOB)[BOB].total_unread == 1
    set_view(BOB, pair, is_mute=True)
    assert told(BOB)[BOB].total_unread == 0
    set_view(BOB, pair, is_mute=False, del_state=1)
    assert told(BOB)[BOB].total_unread == 0


def test_what_waits_in_a_conversation_taken_from_the_list_waits_all_the_same(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    set_view(BOB, pair, del_state=1)
    assert told(BOB)[BOB].tops is None


def test_the_groups_that_a_user_is_in_are_told(any_database: str) -> None:
    one, other = (group(made(ALICE, *members)) for members in ((BOB,), (BOB, CAROL)))
    set_view(BOB, one, upto_seq=1)
    both = [Membership(one, 1, 1), Membership(other, 1, 1)]
    assert {user: each.groups for user, each in told(ALICE, BOB, 99).items()} == {ALICE: both, BOB: both[1:], 99: []}


def test_a_message_of_a_group_waits_like_any_other(any_database: str) -> None:
    name = group(made(ALICE, BOB))
    assert told(BOB)[BOB].tops is None
    set_view(BOB, name, delivered_seq=1)
    assert told(BOB)[BOB].tops == [(name, 1)]


def test_nothing_waits_from_before_a_user_came_into_a_group(any_database: str) -> None:
    name = group(made(ALICE, BOB))
    set_view(BOB, name, first_seq=2)
    assert told(BOB)[BOB].tops == [(name, 1)]


def test_what_a_former_member_may_see_waits_until_a_device_has_it(any_database: str) -> None:
    name = group(made(ALICE, BOB))
    set_view(BOB, name, upto_seq=1)
    assert told(BOB)[BOB].tops is None
    set_view(BOB, name, delivered_seq=1)
    set_head(name, last_seq=2)
    assert told(BOB)[BOB].tops == []
