"""Tests of reading a conversation's history forwards and backwards."""

from typing import Any

import pytest

from db import session as database
from messaging.errors import Code, Refused
from messaging.history import history
from messaging.status import Status
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, hide, set_message, store_many, stored


def read(user_id: int = BOB, conversation_id: str = "1_2", **place: Any) -> tuple[list[int], bool]:
    """Returns the seqs of a page, and has_more."""
    found = database.read(history, user_id=user_id, conversation_id=conversation_id, **place)
    return [message["seq"] for message in found.messages], found.has_more


def refusal(**question: Any) -> Code:
    with pytest.raises(Refused) as caught:
        read(**question)
    return caught.value.code


@pytest.fixture
def ten(pair: str) -> list[dict[str, Any]]:
    """Store ten messages of Alice and Bob."""
    return store_many(ALICE, BOB, 10)


def test_a_conversation_without_messages_is_empty(pair: str) -> None:
    assert read() == ([], False)


def test_strangers_are_told_apart_only_by_the_name(any_database: str) -> None:
    """Without a row or a friendship the two members that the id names may ask, and see nothing."""
    assert read() == ([], False)


def test_messages_come_as_both_see_them(ten: list[dict[str, Any]]) -> None:
    for user in (ALICE, BOB):
        found = database.read(history, user_id=user, conversation_id="1_2")
        assert found.messages == ten


@pytest.mark.parametrize(
    ("place", "seqs", "more"),
    [
        ({"limit": 3}, [8, 9, 10], True),
        ({"limit": 10}, list(range(1, 11)), False),
        ({"limit": 9}, list(range(2, 11)), True),
        ({}, list(range(1, 11)), False),
        ({"before_seq": 5, "limit": 2}, [3, 4], True),
        ({"before_seq": 3, "limit": 2}, [1, 2], False),
        ({"before_seq": 1}, [], False),
        ({"before_seq": 99, "limit": 1}, [10], True),
        ({"after_seq": 0, "limit": 3}, [1, 2, 3], True),
        ({"after_seq": 7, "limit": 3}, [8, 9, 10], False),
        ({"after_seq": 7, "limit": 2}, [8, 9], True),
        ({"after_seq": 10}, [], False),
        ({"after_seq": 2**53 - 1}, [], False),
    ],
    ids=str,
)
def test_a_page_is_ascending_whichever_way_it_goes(
    ten: list[dict[str, Any]], place: dict[str, int], seqs: list[int], more: bool
) -> None:
    assert read(**place) == (seqs, more)


def test_a_message_id_stands_for_its_place(ten: list[dict[str, Any]]) -> None:
    assert read(last_message_id=ten[4]["id"], limit=2) == ([3, 4], True)
    assert read(last_message_id=ten[2]["id"], limit=2) == ([1, 2], False)
    assert read(last_message_id=ten[0]["id"]) == ([], False)


def test_deleted_and_hidden_messages_are_left_out(ten: list[dict[str, Any]]) -> None:
    set_message(ten[8], status=Status.DELETED)
    hide(BOB, ten[7], ten[0])
    assert read(limit=3) == ([6, 7, 10], True)
    assert read(ALICE, limit=3) == ([7, 8, 10], True)
    assert read(after_seq=0, limit=1) == ([2], True)
    assert read(before_seq=3) == ([2], False)
    assert read(after_seq=7, limit=1) == ([10], False), "nothing more that one may see"


def test_a_place_may_be_a_message_deleted_or_hidden(ten: list[dict[str, Any]]) -> None:
    set_message(ten[4], status=Status.DELETED)
    hide(BOB, ten[4])
    assert read(last_message_id=ten[4]["id"], limit=1) == ([4], True)


def test_a_recalled_message_shows_the_placeholder(pair: str) -> None:
    message = stored(ALICE, BOB, "secret", extra='{"a":"secret"}')
    set_message(message, status=Status.RECALLED)
    found = database.read(history, user_id=BOB, conversation_id=pair)
    assert [(each["content"], each["extra"], each["status"]) for each in found.messages] == [("[消息已撤回]", None, 4)]


@pytest.mark.parametrize("name", ["1_2", "2_1", "01_2", "4_5", "group_1", "", "nonsense", "1_2 "])
def test_a_stranger_sees_no_conversation(pair: str, name: str) -> None:
    assert refusal(user_id=CAROL, conversation_id=name) is Code.NO_SUCH_CONVERSATION


@pytest.mark.parametrize("name", ["2_1", "01_2", "1_2 ", "1_2_"])
def test_only_the_canonical_name_is_known(ten: list[dict[str, Any]], name: str) -> None:
    assert refusal(user_id=BOB, conversation_id=name) is Code.NO_SUCH_CONVERSATION


def test_a_message_of_another_conversation_is_no_place(ten: list[dict[str, Any]]) -> None:
    befriend(ALICE, CAROL)
    foreign = stored(ALICE, CAROL)
    assert refusal(last_message_id=foreign["id"]) is Code.NO_SUCH_MESSAGE
    assert refusal(user_id=ALICE, last_message_id=foreign["id"]) is Code.NO_SUCH_MESSAGE
    assert refusal(last_message_id=2**53 - 1) is Code.NO_SUCH_MESSAGE


@pytest.mark.parametrize(
    "places",
    [
        {"before_seq": 1, "after_seq": 1},
        {"last_message_id": 1, "after_seq": 0},
        {"last_message_id": 1, "before_seq": 1},
    ],
    ids=list,
)
def test_one_place_is_enough(pair: str, places: dict[str, int]) -> None:
    assert refusal(**places) is Code.INVALID


def test_a_stranger_learns_nothing_of_a_bad_question(pair: str) -> None:
    assert refusal(user_id=CAROL, before_seq=1, after_seq=1) is Code.NO_SUCH_CONVERSATION


def test_other_conversations_are_not_mixed_in(ten: list[dict[str, Any]]) -> None:
    befriend(ALICE, CAROL)
    stored(CAROL, ALICE)
    assert read(CAROL, "1_3") == ([1], False)
    assert read(ALICE, "1_2", limit=1) == ([10], True)
