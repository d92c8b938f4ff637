"""Tests of the receipts of a group's message."""

from typing import Any

import pytest
from sqlalchemy import update

from db.conversation import Conversation
from db.group import Group
from db.session import write
from messaging.delete import delete_for_everyone
from messaging.errors import Code
from messaging.receipts import MOST_OPEN, Receipts, receipts
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, read, refusal, stored
from tests.messaging.groups.counting import EVE, four, joining, leaving, say
from tests.messaging.groups.test_read import reads


def of(message: Any, user: int = ALICE, *, page: int = 1, limit: int = 20) -> Receipts:
    asked = {"user_id": user, "message_id": message.id, "page": page, "limit": limit}
    return read(lambda session: receipts(session, None, **asked))


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make the group, on both databases. Returns its id."""
    return four()


def delivered(user: int, seq: int) -> None:
    row = update(Conversation).where(Conversation.user_id == user).values(delivered_seq=seq)
    write(lambda session, _: session.execute(row))


def test_a_message_that_nobody_has(group_id: int) -> None:
    assert of(say(group_id, ALICE)) == Receipts(3, 0, 0, [])


@pytest.mark.parametrize("asker", [ALICE, BOB, CAROL])
def test_all_members_are_told_who_has_read_it(group_id: int, asker: int) -> None:
    first = say(group_id, ALICE)
    second = say(group_id, CAROL)
    delivered(BOB, second.seq)
    reads(group_id, DAVE, first)
    assert of(first, asker) == Receipts(3, 2, 1, [{"user_id": DAVE}])
    assert of(second, asker) == Receipts(3, 1, 0, [])
    reads(group_id, ALICE)
    assert of(second, asker) == Receipts(3, 2, 1, [{"user_id": ALICE}])
    assert of(second, asker).total == 1


def test_readers_come_in_pages(group_id: int) -> None:
    message = say(group_id, BOB)
    for user in (DAVE, CAROL, ALICE):
        reads(group_id, user)
    pages = [of(message, page=page, limit=2) for page in (1, 2, 3)]
    assert [[each["user_id"] for each in page.readers] for page in pages] == [[ALICE, CAROL], [DAVE], []]
    assert {page.total for page in pages} == {3}


def test_those_who_cannot_see_it_are_not_counted(group_id: int) -> None:
    message = say(group_id, ALICE)
    reads(group_id, DAVE)
    reads(group_id, CAROL)
    write(joining(group_id, EVE))
    reads(group_id, EVE)
    write(leaving(group_id, DAVE))
    assert of(message) == Receipts(2, 1, 1, [{"user_id": CAROL}])
    write(joining(group_id, DAVE))
    assert of(message) == Receipts(2, 1, 1, [{"user_id": CAROL}])


def test_a_withdrawn_message_keeps_its_receipts(group_id: int) -> None:
    message = say(group_id, ALICE)
    reads(group_id, DAVE)
    write(delete_for_everyone, user_id=ALICE, message_id=message.id)
    assert of(message).readers == [{"user_id": DAVE}]


@pytest.mark.parametrize(
    ("size", "asker", "code"),
    [
        (MOST_OPEN, DAVE, None),
        (MOST_OPEN + 1, DAVE, Code.ROLE_TOO_LOW),
        (MOST_OPEN + 1, CAROL, None),  # the author
        (MOST_OPEN + 1, BOB, None),
        (MOST_OPEN + 1, ALICE, None),
        (4, EVE, Code.NO_SUCH_MESSAGE),
    ],
)
def test_who_may_ask(group_id: int, size: int, asker: int, code: Code | None) -> None:
    message = say(group_id, CAROL)
    write(lambda session, _: session.execute(update(Group).values(member_count=size)))
    if code is None:
        assert of(message, asker).member_count == 3
    else:
        assert refusal(lambda: of(message, asker)) is code


def test_who_has_left_is_not_told(group_id: int) -> None:
    own = say(group_id, DAVE)
    write(leaving(group_id, DAVE))
    after = say(group_id, ALICE)
    assert refusal(lambda: of(own, DAVE)) is Code.ROLE_TOO_LOW
    assert refusal(lambda: of(after, DAVE)) is Code.NO_SUCH_MESSAGE


def test_a_message_of_a_pair_has_none(group_id: int) -> None:
    befriend(ALICE, BOB)
    message = stored(ALICE, BOB)
    asked = {"message_id": message["id"], "page": 1, "limit": 20}
    ask: Any = lambda user: read(lambda session: receipts(session, None, user_id=user, **asked))  # noqa: E731
    assert refusal(lambda: ask(ALICE)) is Code.INVALID
    assert refusal(lambda: ask(CAROL)) is Code.NO_SUCH_MESSAGE
