"""Tests that one function names a conversation's members, and that it refuses an id that names none."""

import pytest

from messaging.errors import Code
from messaging.members import UnknownConversation, members, peer, require_member
from tests.messaging.conftest import ALICE, BOB, CAROL, read, refusal


def test_the_two_are_the_members(pair: str) -> None:
    found = read(lambda session: members(session, ["1_2", "2_3"]))
    assert (found["1_2"], found["2_3"]) == ((ALICE, BOB), (BOB, CAROL))


@pytest.mark.parametrize("name", ["2_1", "group_5", ""])
def test_an_unknown_conversation_has_no_members_to_ask_for(pair: str, name: str) -> None:
    found = read(lambda session: members(session, ["1_2", name]))
    with pytest.raises(UnknownConversation):
        found[name]
    assert found["1_2"] == (ALICE, BOB)


@pytest.mark.parametrize(("name", "user"), [("1_2", CAROL), ("2_1", ALICE), ("group_5", ALICE)])
def test_a_stranger_is_refused(pair: str, name: str, user: int) -> None:
    def ask() -> None:
        read(lambda session: require_member(session, conversation_id=name, user_id=user))

    assert refusal(ask) is Code.NO_SUCH_CONVERSATION


def test_each_is_the_others_peer() -> None:
    assert (peer("1_2", 1), peer("1_2", 2)) == (2, 1)


def test_a_stranger_has_no_peer() -> None:
    assert (peer("1_2", 3), peer("2_1", 1), peer("group_5", 1)) == (None, None, None)
