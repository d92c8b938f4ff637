"""Tests that a proof raises delivered_seq over the seqs that it covers without a gap, and no further."""

import pytest
from sqlalchemy import select

from db.conversation import Conversation
from messaging.delivered import Proof, Stored
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    messages,
    nothing_drifts,
    project,
    read,
    set_message,
    set_view,
    store_many,
    store_proofs,
    stored,
    view,
)


def prove(*proofs: tuple[int, int, int] | Proof) -> list[Proof]:
    """Store proofs, as (user, after, upto) of the conversation of Alice and Bob. Returns the proofs that hold."""
    given = [proof if isinstance(proof, Proof) else Proof(proof[0], "1_2", proof[1], proof[2]) for proof in proofs]
    return store_proofs(*given).holding


def statuses() -> list[int]:
    return [message.status for message in messages()]


@pytest.fixture
def three(pair: str) -> None:
    """Send three messages from Alice, applied to the rows but not delivered to Bob."""
    store_many(ALICE, BOB, 3)
    project()


def test_a_proof_raises_what_it_covers(three: None) -> None:
    assert prove((BOB, 0, 2)) == [Proof(BOB, "1_2", 0, 2)]
    assert statuses() == [2, 2, 1]
    row = view(BOB)
    assert (row.delivered_seq, row.last_seq, row.undelivered, row.unread_count) == (2, 3, True, 3)


def test_it_is_noted_when(three: None) -> None:
    prove((BOB, 0, 1))
    first, second, _ = messages()
    assert first.delivered_at == first.update_time == view(BOB).update_time
    assert second.delivered_at is None


def test_a_delivered_conversation_waits_for_nothing(three: None) -> None:
    prove((BOB, 0, 3))
    assert not view(BOB).undelivered


def test_a_gap_raises_nothing(three: None) -> None:
    prove((BOB, 0, 1))
    assert prove((BOB, 2, 3)) == []
    assert statuses() == [2, 1, 1]
    assert view(BOB).delivered_seq == 1


def test_a_repeat_holds_and_changes_nothing(three: None, statements: list[str]) -> None:
    prove((BOB, 0, 2))
    statements.clear()
    assert prove((BOB, 0, 2), (BOB, 0, 1), (BOB, 1, 2)) == [
        Proof(BOB, "1_2", 0, 2),
        Proof(BOB, "1_2", 0, 1),
        Proof(BOB, "1_2", 1, 2),
    ]
    assert not [each for each in statements if each.startswith(("INSERT", "UPDATE"))]
    assert statuses() == [2, 2, 1]
    assert view(BOB).delivered_seq == 2


def test_proofs_of_one_batch_join_in_whichever_order(three: None) -> None:
    assert len(prove((BOB, 2, 3), (BOB, 0, 1), (BOB, 1, 2))) == 3
    assert statuses() == [2, 2, 2]
    assert view(BOB).delivered_seq == 3


def test_a_proof_begins_anywhere_in_what_was_delivered(three: None) -> None:
    prove((BOB, 0, 2))
    assert prove((BOB, 1, 3)) == [Proof(BOB, "1_2", 1, 3)]
    assert statuses() == [2, 2, 2]


def test_a_proof_stops_at_the_last_message(three: None) -> None:
    assert prove((BOB, 0, 99)) == [Proof(BOB, "1_2", 0, 3)]
    assert statuses() == [2, 2, 2]
    assert view(BOB).delivered_seq == 3


def test_a_proof_may_come_before_the_drain(three: None) -> None:
    stored(ALICE, BOB)
    assert prove((BOB, 0, 4)) == [Proof(BOB, "1_2", 0, 4)]
    assert statuses() == [2, 2, 2, 2]
    row = view(BOB)
    assert (row.delivered_seq, row.last_seq, row.unread_count, row.undelivered) == (4, 3, 3, False)
    nothing_drifts()
    project()
    row = view(BOB)
    assert (row.delivered_seq, row.last_seq, row.unread_count, row.undelivered) == (4, 4, 4, False)
    nothing_drifts()


def test_a_proof_of_the_first_message_may_come_before_its_row(pair: str) -> None:
    message = stored(ALICE, BOB)
    assert prove((BOB, 0, 1)) == [Proof(BOB, "1_2", 0, 1)]
    assert statuses() == [2]
    project()
    row = view(BOB)
    assert (row.delivered_seq, row.last_seq, row.unread_count, row.last_message_id) == (1, 1, 1, message["id"])
    nothing_drifts()


def test_own_messages_after_what_was_proven_before_the_drain_wait_for_no_device(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    prove((BOB, 0, 2))
    store_many(BOB, ALICE, 2)
    project()
    assert (view(BOB).delivered_seq, view(BOB).last_seq) == (4, 4)


def test_a_proof_behind_own_messages_that_are_not_applied_yet_is_early(three: None) -> None:
    prove((BOB, 0, 3))
    stored(BOB, ALICE)
    stored(ALICE, BOB)
    proof = Proof(BOB, "1_2", 4, 5)
    assert store_proofs(proof) == Stored([], [proof])
    assert view(BOB).delivered_seq == 3
    project()
    assert store_proofs(proof) == Stored([proof], [])
    assert (view(BOB).delivered_seq, statuses()) == (5, [2, 2, 2, 1, 2])


@pytest.mark.parametrize("after", [1, 4])
def test_a_proof_behind_a_gap_that_stays_is_not_early(three: None, after: int) -> None:
    assert store_proofs(Proof(BOB, "1_2", after, 9)) == Stored([], [])


@pytest.mark.parametrize("status", [Status.READ, Status.RECALLED, Status.DELETED])
def test_a_message_that_has_gone_further_is_left_alone(three: None, status: Status) -> None:
    row = messages()[1]
    set_message({"id": row.id}, status=status)
    prove((BOB, 0, 3))
    assert statuses() == [2, status, 2]
    assert (messages()[1].delivered_at, messages()[1].update_time) == (None, row.update_time)


def test_a_proof_says_nothing_about_ones_own_messages(pair: str) -> None:
    stored(ALICE, BOB)
    stored(BOB, ALICE)
    stored(ALICE, BOB)
    project()
    prove((BOB, 0, 3))
    assert statuses() == [2, 1, 2]
    assert view(BOB).delivered_seq == 3


def test_each_user_proves_for_himself(pair: str) -> None:
    stored(ALICE, BOB)
    stored(BOB, ALICE)
    project()
    prove((BOB, 0, 2), (ALICE, 0, 2))
    assert statuses() == [2, 2]
    assert (view(ALICE).delivered_seq, view(BOB).delivered_seq) == (2, 2)


def test_conversations_do_not_touch_each_other(three: None) -> None:
    befriend(BOB, CAROL)
    stored(CAROL, BOB)
    project()
    assert len(prove(Proof(BOB, "2_3", 0, 1), (BOB, 1, 3))) == 1
    assert statuses() == [1, 1, 1, 2]
    assert (view(BOB).delivered_seq, view(BOB, "2_3").delivered_seq) == (0, 1)


def test_a_proof_of_what_nobody_sent_raises_nothing(pair: str) -> None:
    assert store_proofs(Proof(BOB, "1_2", 0, 5)) == Stored([], [])
    assert read(lambda session: session.scalars(select(Conversation)).all()) == []


def test_delivering_leaves_counts_and_previews_alone(three: None) -> None:
    set_view(BOB, unread_count=2, read_seq=1, is_top=True, is_mute=True, del_state=1)
    before = view(BOB)
    prove((BOB, 0, 3))
    after = view(BOB)
    for name in ("unread_count", "read_seq", "is_top", "is_mute", "del_state", "last_seq", "last_message_id"):
        assert getattr(after, name) == getattr(before, name), name


def test_no_proofs_are_no_work(pair: str) -> None:
    assert prove() == []


def test_a_proof_of_no_conversation_holds_up_no_other(three: None) -> None:
    proofs = [Proof(BOB, "group_5", 0, 1), Proof(BOB, "1_2", 0, 2), Proof(CAROL, "1_2", 0, 3)]
    assert store_proofs(*proofs).holding == [proofs[1]]
    assert view(BOB).delivered_seq == 2
