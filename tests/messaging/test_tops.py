"""Tests that a connection is told how far each of its newest conversations has got, and never too much."""

from db.session import read
from messaging import tops as module
from messaging.conversation_id import group
from messaging.delivered import Proof
from messaging.groups.rows import group_rows
from messaging.tops import Top, tops
from tests.groups import changed, made, said
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, project, set_view, store_many, store_proofs, stored


def of(*user_ids: int) -> dict[int, list[Top]]:
    return read(lambda session, _: tops(session, group_rows(session, user_ids)))


def test_a_top_is_the_last_message_that_a_device_has_answered_for(pair: str) -> None:
    store_many(ALICE, BOB, 3)
    project()
    assert of(ALICE, BOB) == {ALICE: [(pair, 3)], BOB: [(pair, 0)]}
    store_proofs(Proof(BOB, pair, 0, 3))
    assert of(BOB) == {BOB: [(pair, 3)]}


def test_what_no_worker_has_counted_is_still_to_come(pair: str) -> None:
    """The head knows of it already, but its note is still to be published, and must not count as a repeat."""
    stored(ALICE, BOB)
    project()
    stored(ALICE, BOB)
    assert of(ALICE) == {ALICE: [(pair, 1)]}


def test_what_was_answered_for_before_a_worker_counted_it_is_still_to_come(pair: str) -> None:
    stored(ALICE, BOB)
    project()
    set_view(BOB, pair, delivered_seq=2)
    assert of(BOB) == {BOB: [(pair, 1)]}


def test_the_newest_come_first_and_the_hidden_not_at_all(any_database: str) -> None:
    for friend in (BOB, CAROL):
        befriend(ALICE, friend)
        stored(ALICE, friend)
    project()
    assert of(ALICE) == {ALICE: [("1_3", 1), ("1_2", 1)]}
    set_view(ALICE, "1_2", is_top=True)
    assert of(ALICE) == {ALICE: [("1_2", 1), ("1_3", 1)]}
    set_view(ALICE, "1_3", del_state=1)
    assert of(ALICE) == {ALICE: [("1_2", 1)]}


def test_groups_stand_among_the_others_by_their_newest_messages(any_database: str) -> None:
    befriend(ALICE, BOB)
    one, other = (group(made(ALICE, BOB)) for _ in range(2))
    stored(ALICE, BOB)
    project()
    said(one, BOB, "newest")
    set_view(ALICE, one, delivered_seq=2)
    assert of(ALICE) == {ALICE: [(one, 2), ("1_2", 1), (other, 0)]}
    set_view(ALICE, other, is_top=True)
    assert of(ALICE) == {ALICE: [(other, 0), (one, 2), ("1_2", 1)]}
    set_view(ALICE, one, hidden_seq=2)
    assert of(ALICE) == {ALICE: [(other, 0), ("1_2", 1)]}
    set_view(ALICE, other, upto_seq=1)
    assert of(ALICE) == {ALICE: [("1_2", 1)]}


def test_a_newcomers_top_is_just_before_what_added_them(any_database: str) -> None:
    name = group(made(ALICE, BOB))
    said(name, BOB, "before")
    changed(name, ALICE, came=(CAROL,))
    assert of(CAROL) == {CAROL: [(name, 2)]}


def test_there_are_so_many_at_most(any_database: str) -> None:
    friends = range(1_000, 1_000 + module.MOST + 5)
    for friend in friends:
        befriend(ALICE, friend)
        stored(ALICE, friend)
    project()
    assert [name for name, _ in of(ALICE)[ALICE]] == [f"1_{friend}" for friend in reversed(friends)][: module.MOST]


def test_who_has_no_conversation_has_no_top(any_database: str) -> None:
    assert of(ALICE) == {ALICE: []}
    assert of() == {}
