"""Tests that a relay's proofs are stored, published to the sender, and confirmed to the relay."""

import pytest

from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, project, store_many, view
from tests.workers.conftest import Channels
from workers import delivered as tasks


@pytest.fixture
def sent(channels: Channels) -> Channels:
    """Send three messages from Alice to Bob and one to Carol. Returns the channels."""
    for friend, count in ((BOB, 3), (CAROL, 1)):
        befriend(ALICE, friend)
        store_many(ALICE, friend, count)
    project()
    return channels


def tick(user_id: int, seq: int, conversation_id: str) -> tuple[str, object]:
    """Returns the channel and the frame that Alice gets when a device of the user has everything up to `seq`."""
    content = {"conversation_id": conversation_id, "user_id": user_id, "seq": seq}
    return f"im:user:{ALICE}", {"type": "delivered", "content": content}


def test_what_is_proven_is_stored_and_told_to_the_sender(sent: Channels) -> None:
    tasks.store_proofs("relay", [(BOB, "1_2", 0, 2), (CAROL, "1_3", 0, 1)])
    assert (view(BOB).delivered_seq, view(CAROL, "1_3").delivered_seq) == (2, 1)
    assert sent.frames() == [tick(BOB, 2, "1_2"), tick(CAROL, 1, "1_3")]


def test_the_relay_is_told_once_the_senders_have_been(sent: Channels) -> None:
    proofs = [(BOB, "1_2", 0, 2), (CAROL, "1_3", 0, 1)]
    tasks.store_proofs("relay", proofs)
    notes = sent.notes()
    assert [channel for channel, _ in notes] == ["im:user:1", "im:user:1", "im:relay:relay"]
    (header,) = notes[-1][1]
    assert [list(proof) for proof in proofs] in header.values()


def test_what_held_before_is_told_again(sent: Channels) -> None:
    """The worker that stored the proof may have died before it published the receipt."""
    for _ in range(2):
        tasks.store_proofs("relay", [(BOB, "1_2", 0, 2)])
        assert sent.frames() == [tick(BOB, 2, "1_2")]


def test_what_proves_nothing_is_confirmed_and_told_to_no_sender(sent: Channels) -> None:
    """The proof begins above delivered_seq. A relay without a confirmation would send it for ever."""
    tasks.store_proofs("relay", [(BOB, "1_2", 1, 3)])
    assert view(BOB).delivered_seq == 0
    assert [channel for channel, _ in sent.notes()] == ["im:relay:relay"]


def test_the_sender_hears_of_no_more_than_there_is(sent: Channels) -> None:
    tasks.store_proofs("relay", [(BOB, "1_2", 0, 99), (CAROL, "1_3", 1, 99)])
    assert sent.frames() == [tick(BOB, 3, "1_2")]


def test_what_is_too_early_to_tell_is_not_confirmed(sent: Channels) -> None:
    """Bob's own message, which no device proves, is not applied yet. The relay sends its proof again."""
    tasks.store_proofs("relay", [(BOB, "1_2", 0, 3)])
    store_many(BOB, ALICE, 1)
    store_many(ALICE, BOB, 1)
    sent.notes()
    proofs = [(BOB, "1_2", 4, 5), (CAROL, "1_3", 0, 1)]
    tasks.store_proofs("relay", proofs)
    assert confirmed(sent) == [[CAROL, "1_3", 0, 1]]
    project()
    tasks.store_proofs("relay", proofs[:1])
    assert confirmed(sent) == [[BOB, "1_2", 4, 5]]


def confirmed(channels: Channels) -> object:
    """Returns the proofs that the relay was told of since the last call."""
    ((header,),) = [lines for channel, lines in channels.notes() if channel == "im:relay:relay"]
    return header["proofs"]
