"""Tests that a member's history, and what they find by id, is what they may see of the group and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from db import session as database
from db.session import engine, write
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code
from messaging.history import history
from messaging.members import Range, find_range, require_range
from messaging.message import find_message
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, read, refusal
from tests.messaging.groups.counting import EVE, four, joining, leaving, say, saying
from tests.processes import PATIENCE


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make the group, on both databases. Returns its id."""
    return four()


def page(group_id: int, user: int, **place: Any) -> tuple[list[int], bool]:
    """Returns the seqs of a page, and has_more."""
    found = database.read(history, user_id=user, conversation_id=group(group_id), **place)
    return [message["seq"] for message in found.messages], found.has_more


def finds(user: int, message: Any) -> int:
    return read(lambda session: find_message(session, user_id=user, message_id=message.id).seq)


@pytest.fixture
def ten(group_id: int) -> list[Any]:
    """Eve comes with seq 4, leaves with 7 and comes back with 10. Returns the messages that were said."""
    said = [say(group_id, ALICE), say(group_id, BOB)]
    write(joining(group_id, EVE))
    said += [say(group_id, EVE), say(group_id, ALICE)]
    write(leaving(group_id, EVE))
    return [*said, say(group_id, ALICE), say(group_id, BOB)]


def test_members_from_the_beginning_see_all(group_id: int, ten: list[Any]) -> None:
    assert page(group_id, DAVE) == (list(range(1, 10)), False)
    assert page(group_id, DAVE, after_seq=3, limit=2) == ([4, 5], True)


def test_who_has_left_sees_from_the_message_that_added_them_to_the_one_that_removed_them(
    group_id: int, ten: list[Any]
) -> None:
    assert page(group_id, EVE) == ([4, 5, 6, 7], False)
    assert page(group_id, EVE, limit=3) == ([5, 6, 7], True)
    assert page(group_id, EVE, before_seq=5, limit=3) == ([4], False)
    assert page(group_id, EVE, before_seq=99, limit=1) == ([7], True)
    assert page(group_id, EVE, after_seq=0, limit=3) == ([4, 5, 6], True)
    assert page(group_id, EVE, after_seq=6) == ([7], False)
    assert page(group_id, EVE, after_seq=7) == ([], False)


def test_who_comes_back_no_longer_sees_what_was_before(group_id: int, ten: list[Any]) -> None:
    write(joining(group_id, EVE))
    assert page(group_id, EVE) == ([10], False)
    say(group_id, ALICE)
    assert page(group_id, EVE, after_seq=0) == ([10, 11], False)
    assert read(lambda session: find_range(session, conversation_id=group(group_id), user_id=EVE)) == Range(10, 11)


def test_a_place_must_be_one_that_they_see(group_id: int, ten: list[Any]) -> None:
    before, within, after = ten[1], ten[3], ten[4]
    assert page(group_id, EVE, last_message_id=within.id) == ([4, 5], False)
    for foreign in (before, after):
        assert refusal(lambda: page(group_id, EVE, last_message_id=foreign.id)) is Code.NO_SUCH_MESSAGE  # noqa: B023
        assert refusal(lambda: finds(EVE, foreign)) is Code.NO_SUCH_MESSAGE  # noqa: B023
    assert (finds(EVE, within), finds(DAVE, after)) == (6, 8)


def test_deleted_and_hidden_messages_are_left_out(group_id: int, ten: list[Any]) -> None:
    write(delete_for_everyone, user_id=ALICE, message_id=ten[3].id)
    write(delete_for_oneself, user_id=EVE, message_id=ten[2].id)
    assert page(group_id, EVE) == ([4, 7], False)
    assert page(group_id, DAVE, after_seq=4, limit=2) == ([5, 7], True)


@pytest.mark.parametrize("name", ["group_1", "group_99", "group_01", "group_", "group_-1", "GROUP_1", "group_1 "])
def test_a_stranger_is_told_from_an_absent_group_by_nothing(group_id: int, name: str) -> None:
    asked = {"user_id": EVE, "conversation_id": name}
    assert refusal(lambda: database.read(history, **asked)) is Code.NO_SUCH_CONVERSATION
    assert refusal(lambda: read(lambda session: require_range(session, **asked))) is Code.NO_SUCH_CONVERSATION


def test_a_message_of_a_group_is_nothing_to_strangers(group_id: int) -> None:
    message = say(group_id, ALICE)
    assert refusal(lambda: finds(EVE, message)) is Code.NO_SUCH_MESSAGE


def test_who_is_removed_while_they_ask_sees_nothing_that_came_after(mariadb_database: str) -> None:
    """Their membership was read before the removal, the messages are read after it."""
    group_id = groups.made(ALICE, BOB, CAROL)
    say(group_id, ALICE)
    meanwhile: list[Any] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FORCE INDEX" in statement and not meanwhile:
            meanwhile.append(None)
            with ThreadPoolExecutor(1) as other:
                other.submit(write, leaving(group_id, CAROL)).result(PATIENCE)
                other.submit(write, saying(group_id, ALICE)).result(PATIENCE)

    event.listen(engine(), "before_cursor_execute", hear)
    try:
        assert page(group_id, CAROL) == ([1, 2], False)
    finally:
        event.remove(engine(), "before_cursor_execute", hear)
    assert meanwhile
    assert page(group_id, CAROL) == ([1, 2, 3], False)
