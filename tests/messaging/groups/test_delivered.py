"""Tests that proofs of delivery raise how far each member of a group has got, within what they may see."""

import pytest

from messaging.conversation_id import group
from messaging.delivered import Proof, Stored
from messaging.groups.views import find
from tests.groups import changed, made, said
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    messages,
    project,
    read,
    set_view,
    store_many,
    store_proofs,
    view,
)

DAVE = 4


@pytest.fixture
def name(any_database: str) -> str:
    """Make a group in which Alice has sent the messages 2 to 4. Returns the id of its conversation."""
    name = group(made(ALICE, BOB, CAROL))
    said(name, ALICE, "2", "3", "4")
    return name


def received(user_id: int, name: str) -> int:
    """Returns the seq up to which no message of the group waits for a device of the user."""
    found = read(lambda session: find(session, conversation_id=name, user_id=user_id))
    return int(found.received_seq)


def test_each_proves_for_oneself_and_no_message_changes(name: str) -> None:
    before = [(each.status, each.change_seq, each.update_time, each.delivered_at) for each in messages()]
    proofs = [Proof(BOB, name, 0, 4), Proof(CAROL, name, 0, 2)]
    assert store_proofs(*proofs) == Stored(proofs, [])
    assert [received(user, name) for user in (ALICE, BOB, CAROL)] == [0, 4, 2]
    assert [(each.status, each.change_seq, each.update_time, each.delivered_at) for each in messages()] == before


def test_all_else_of_the_row_stays(name: str) -> None:
    set_view(BOB, name, base=2, read_seq=2, hidden_seq=1, is_top=True, is_mute=True)
    before = vars(view(BOB, name))
    store_proofs(Proof(BOB, name, 0, 4))
    after = vars(view(BOB, name))
    for row in (before, after):
        for each in ("_sa_instance_state", "delivered_seq", "update_time"):
            row.pop(each)
    assert after == before


def test_it_stops_at_the_last_message(name: str) -> None:
    assert store_proofs(Proof(BOB, name, 0, 99)).holding == [Proof(BOB, name, 0, 4)]
    assert received(BOB, name) == 4


@pytest.mark.parametrize("after", [1, 3, 9])
def test_a_gap_raises_nothing_and_is_never_early(name: str, after: int) -> None:
    assert store_proofs(Proof(BOB, name, after, 4)) == Stored([], [])
    assert received(BOB, name) == 0


def test_proofs_of_one_batch_join_in_whichever_order(name: str) -> None:
    assert len(store_proofs(Proof(BOB, name, 2, 4), Proof(BOB, name, 0, 2)).holding) == 2
    assert received(BOB, name) == 4


def test_a_repeat_holds_and_writes_nothing(name: str, statements: list[str]) -> None:
    store_proofs(Proof(BOB, name, 0, 4))
    statements.clear()
    assert store_proofs(Proof(BOB, name, 0, 3)).holding == [Proof(BOB, name, 0, 3)]
    assert not [each for each in statements if each.startswith(("INSERT", "UPDATE"))]
    assert received(BOB, name) == 4


def test_a_newcomer_proves_from_the_message_on_that_added_them(name: str) -> None:
    changed(name, ALICE, came=(DAVE,))
    said(name, ALICE, "6")
    assert store_proofs(Proof(DAVE, name, 3, 4)).holding == [], "what was before them"
    assert received(DAVE, name) == 4
    assert store_proofs(Proof(DAVE, name, 4, 6)).holding == [Proof(DAVE, name, 4, 6)]
    assert received(DAVE, name) == 6


def test_who_has_left_proves_nothing_beyond_what_removed_them(name: str) -> None:
    changed(name, ALICE, went=(BOB,))
    said(name, ALICE, "6", "7")
    assert store_proofs(Proof(BOB, name, 0, 7)).holding == [Proof(BOB, name, 0, 5)]
    assert received(BOB, name) == 5


def test_a_late_proof_from_before_somebody_came_back_is_none_of_what_came_since(name: str) -> None:
    changed(name, ALICE, went=(BOB,))
    said(name, ALICE, "6")
    changed(name, ALICE, came=(BOB,))
    assert store_proofs(Proof(BOB, name, 0, 5)).holding == []
    assert (received(BOB, name), view(BOB, name).delivered_seq) == (6, 0)


def test_strangers_prove_nothing_and_hold_up_no_other(name: str) -> None:
    befriend(ALICE, BOB)
    store_many(ALICE, BOB, 2)
    project()
    strangers = [Proof(DAVE, name, 0, 4), Proof(BOB, "group_99", 0, 4), Proof(BOB, "group_01", 0, 4)]
    others = [Proof(BOB, "1_2", 0, 2), Proof(CAROL, name, 0, 4)]
    assert store_proofs(*strangers, *others) == Stored(others, [])
    assert (view(BOB).delivered_seq, received(CAROL, name)) == (2, 4)


def test_hundreds_of_members_prove_at_once(any_database: str) -> None:
    users = range(1_000, 1_250)
    name = group(made(ALICE, *users))
    said(name, ALICE, "2")
    proofs = [Proof(user, name, 0, 2) for user in users]
    assert store_proofs(*proofs).holding == proofs
    assert {received(user, name) for user in users} == {2}
