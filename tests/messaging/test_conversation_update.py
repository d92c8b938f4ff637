"""Tests of a user's own settings of a conversation: on top, muted, hidden."""

from typing import Any

import pytest

from db.outbox import Kind
from db.session import read, write
from messaging.conversation_update import arrange
from messaging.conversations import conversations
from messaging.errors import Code
from messaging.history import history
from tests.messaging.conftest import (
    ALICE,
    BOB,
    drain,
    events,
    head,
    nothing_drifts,
    project,
    refusal,
    store_many,
    stored,
    view,
)


def arranged(user_id: int = BOB, conversation_id: str = "1_2", **wanted: Any) -> tuple[dict[str, Any], int]:
    done = write(arrange, user_id=user_id, conversation_id=conversation_id, **wanted)
    return done.conversation, done.shard


def listed(user_id: int = BOB) -> tuple[list[str], int]:
    """Returns the ids of the conversations in a user's list, and the total unread count."""
    page = read(conversations, user_id=user_id, page=1, limit=20)
    return [each["conversation_id"] for each in page.conversations], page.total_unread


def test_only_what_is_given_is_set(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    told, shard = arranged(is_top=True)
    assert (told["is_top"], told["is_mute"], told["unread_count"], shard) == (True, False, 1, head().shard)
    told, _ = arranged(is_mute=True)
    assert (told["is_top"], told["is_mute"]) == (True, True)
    told, _ = arranged(is_top=False)
    assert (told["is_top"], told["is_mute"]) == (False, True)


def test_it_is_ones_own_arrangement(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    arranged(is_top=True, is_mute=True, del_state=True)
    other = view(ALICE)
    assert (other.is_top, other.is_mute, other.del_state) == (False, False, 0)
    assert (listed(ALICE)[0], listed(BOB)[0]) == (["1_2"], [])


def test_a_hidden_conversation_returns_with_the_next_message_and_its_count(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    arranged(del_state=True)
    assert (view(BOB).del_state, view(BOB).delete_time is not None, listed()) == (1, True, ([], 0))
    stored(ALICE, BOB)
    project()
    assert (view(BOB).del_state, view(BOB).delete_time, listed()) == (0, None, (["1_2"], 2))
    nothing_drifts()


def test_ones_own_message_brings_it_back_too(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    arranged(del_state=True)
    stored(BOB, ALICE)
    project()
    assert listed()[0] == ["1_2"]


def test_hiding_leaves_history_and_may_be_undone(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    project()
    arranged(del_state=True)
    found = read(history, user_id=BOB, conversation_id="1_2")
    assert len(found.messages) == 2
    arranged(del_state=False)
    assert (listed(), view(BOB).delete_time) == ((["1_2"], 2), None)


def test_a_muted_conversation_is_listed_and_not_on_the_badge(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    arranged(is_mute=True)
    assert listed() == (["1_2"], 0)


def test_a_drain_that_comes_later_leaves_the_choice_and_counts(pair: str) -> None:
    store_many(ALICE, BOB, 2)
    told, _ = arranged(is_top=True)
    assert (told["unread_count"], told["last_seq"], told["change_seq"]) == (0, 0, 3)
    project()
    assert (view(BOB).is_top, view(BOB).unread_count, view(BOB).change_seq) == (True, 2, 3)
    nothing_drifts()


def test_a_conversation_may_be_arranged_before_its_first_message(pair: str) -> None:
    told, _ = arranged(is_mute=True)
    assert (told["is_mute"], told["last_message"], told["friend_id"], told["change_seq"]) == (True, None, ALICE, 1)
    assert stored(ALICE, BOB)["change_seq"] == 2
    project()
    assert (view(BOB).is_mute, view(BOB).unread_count) == (True, 1)


def test_ones_own_devices_are_told_to_sync(pair: str) -> None:
    stored(ALICE, BOB)
    drain()
    arranged(is_top=True)
    (event,) = events()
    assert (event.kind, event.user_id, event.change_seq) == (Kind.CHANGED, BOB, 2)
    (told,) = drain()
    assert (told.kind, told.user_ids, told.content) == ("resync", (BOB,), {"conversation_id": "1_2"})


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({}, Code.INVALID),
        ({"conversation_id": "2_1", "is_top": True}, Code.NO_SUCH_CONVERSATION),
        ({"conversation_id": "1_3", "is_top": True}, Code.NO_SUCH_CONVERSATION),
        ({"conversation_id": "group_1", "is_top": True}, Code.NO_SUCH_CONVERSATION),
    ],
    ids=str,
)
def test_refusals(pair: str, question: dict[str, Any], code: Code) -> None:
    assert refusal(lambda: arranged(**question)) == code
    assert events() == []
