"""Tests of counting unread mentions."""

from typing import Any

import pytest

from db.session import write
from messaging.conversation_id import group
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.mentions import mentioned, unread_mentions
from messaging.recall import recall
from tests import groups
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, read
from tests.messaging.groups.counting import EVE, four, joining, leaving, say
from tests.messaging.groups.test_read import reads


@pytest.fixture
def group_id(any_database: str) -> int:
    """Make the group, on both databases. Returns its id."""
    return four()


def of(user: int, **where: Any) -> dict[str, int]:
    """Returns a user's unread mentions, by conversation."""
    found = read(lambda session: unread_mentions(session, [user], **where))
    assert {owner for _, owner in found} <= {user}
    return {name: count for (name, _), count in found.items()}


def test_one_is_mentioned_by_name_or_with_all(group_id: int) -> None:
    say(group_id, ALICE, mentions=[CAROL, DAVE])
    say(group_id, BOB, mentions=["all"])
    say(group_id, BOB)
    name = group(group_id)
    assert [of(user) for user in (ALICE, BOB, CAROL, DAVE, EVE)] == [{name: 1}, {}, {name: 2}, {name: 2}, {}]


def test_ones_own_mention_does_not_count(group_id: int) -> None:
    say(group_id, CAROL, mentions=[CAROL])
    assert of(CAROL) == {}


@pytest.mark.parametrize("mentions", [[DAVE], ["all"]], ids=str)
def test_reading_recall_deletion_and_hiding_lower_the_count(group_id: int, mentions: list[Any]) -> None:
    first, second, third, fourth, _ = (say(group_id, ALICE, mentions=mentions) for _ in range(5))
    name = group(group_id)
    assert of(DAVE) == {name: 5}
    reads(group_id, DAVE, first)
    assert of(DAVE) == {name: 4}
    write(recall, user_id=ALICE, message_id=second.id)
    assert of(DAVE) == {name: 3}
    write(delete_for_everyone, user_id=ALICE, message_id=third.id)
    assert of(DAVE) == {name: 2}
    write(delete_for_oneself, user_id=DAVE, message_id=fourth.id)
    assert of(DAVE) == {name: 1}
    reads(group_id, DAVE)
    assert of(DAVE) == {}


def test_only_what_one_sees_counts(group_id: int) -> None:
    name = group(group_id)
    say(group_id, ALICE, mentions=["all"])
    write(joining(group_id, EVE))
    assert of(EVE) == {}
    say(group_id, ALICE, mentions=[EVE])
    write(leaving(group_id, EVE))
    say(group_id, ALICE, mentions=["all"])
    assert (of(EVE), of(DAVE)) == ({name: 1}, {name: 2})
    write(joining(group_id, EVE))
    assert of(EVE) == {}


def test_several_groups_and_users_are_counted_together(group_id: int) -> None:
    other = groups.made(BOB, CAROL, DAVE)
    for where, mentions in ((group_id, [DAVE]), (other, [DAVE, CAROL]), (other, ["all"])):
        say(where, BOB, mentions=mentions)
    found = read(lambda session: unread_mentions(session, [CAROL, DAVE, EVE]))
    here, there = group(group_id), group(other)
    assert found == {(here, DAVE): 1, (there, DAVE): 2, (there, CAROL): 2}
    assert of(DAVE, names=[there]) == {there: 2}
    assert read(lambda session: unread_mentions(session, [])) == {}
    assert read(lambda session: unread_mentions(session, [DAVE], [])) == {}


@pytest.mark.parametrize(
    ("extra", "users"),
    [(None, []), ("", []), ("{}", []), ('{"mentions":["all"]}', [0]), ('{"mentions":[3,4],"a":1}', [3, 4])],
)
def test_a_messages_extra_names_the_rows(extra: str | None, users: list[int]) -> None:
    assert mentioned(extra) == users
