"""Tests of what a connection is told at first: its user's unread messages, and whether any wait for a device."""

from datetime import datetime

from db.session import read
from messaging.delivered import Proof
from messaging.hello import Hello, hellos
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
