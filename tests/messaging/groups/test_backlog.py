"""Tests that what waits in groups comes in the pages of a user's backlog, within what they may see."""

import pytest

from db.session import read
from messaging import backlog
from messaging.backlog import Cursor, Page, Run
from messaging.conversation_id import group
from messaging.delivered import Proof
from tests.groups import changed, made, said
from tests.messaging.conftest import ALICE, BOB, CAROL, befriend, hide, project, set_view, store_many, store_proofs

DAVE = 4


@pytest.fixture
def name(any_database: str) -> str:
    """Make a group in which Alice has sent the messages 2 to 4. Returns the id of its conversation."""
    name = group(made(ALICE, BOB, CAROL))
    said(name, ALICE, "2", "3", "4")
    return name


def page(user_id: int, cursor: Cursor | None = None) -> Page:
    (found,) = read(backlog.pages, asked=[(user_id, cursor)])
    assert found
    return found


def pages(user_id: int) -> list[Page]:
    """Returns all pages, each asked for by the cursor of the one before."""
    found = [page(user_id)]
    while cursor := found[-1].cursor:
        found.append(page(user_id, cursor))
    return found


def seqs(found: Page, name: str) -> list[int]:
    return [each["seq"] for each in found.messages if each["conversation_id"] == name]


def test_what_no_device_has_answered_for_comes(name: str) -> None:
    found = page(BOB)
    assert (seqs(found, name), found.runs, found.cursor) == ([1, 2, 3, 4], [Run(name, 0, 4, whole=True)], None)
    assert found.tops == [(name, 0)]
    store_proofs(Proof(BOB, name, 0, 3))
    found = page(BOB)
    assert (seqs(found, name), found.runs, found.tops) == ([4], [Run(name, 3, 4, whole=True)], [(name, 3)])
    store_proofs(Proof(BOB, name, 3, 4))
    assert page(BOB) == Page([], [], None, [(name, 4)])


def test_a_message_waits_before_any_worker_has_seen_it(name: str) -> None:
    assert said(name, CAROL, "5")[0] in page(BOB).messages


def test_what_was_before_a_newcomer_does_not_come(name: str) -> None:
    joined = changed(name, ALICE, came=(DAVE,))
    (later,) = said(name, BOB, "6")
    assert page(DAVE) == Page([joined, later], [Run(name, 4, 6, whole=True)], None, [(name, 4)])


def test_who_has_left_gets_all_up_to_what_removed_them_and_no_more(name: str) -> None:
    changed(name, ALICE, went=(BOB,))
    said(name, ALICE, "6")
    found = page(BOB)
    assert (seqs(found, name), found.runs) == ([1, 2, 3, 4, 5], [Run(name, 0, 5, whole=True)])
    assert found.tops == [], "nothing more is to come"
    store_proofs(Proof(BOB, name, 0, 5))
    assert page(BOB) == Page([], [], None)


def test_who_has_come_back_gets_only_what_is_since_then(name: str) -> None:
    changed(name, ALICE, went=(BOB,))
    said(name, ALICE, "6")
    changed(name, ALICE, came=(BOB,))
    said(name, ALICE, "8")
    found = page(BOB)
    assert (seqs(found, name), found.runs) == ([7, 8], [Run(name, 6, 8, whole=True)])


def test_what_one_has_hidden_comes_as_a_tombstone(name: str) -> None:
    (message,) = said(name, ALICE, "secret")
    hide(BOB, message)
    assert [page(user).messages[-1]["content"] for user in (BOB, CAROL)] == ["", "secret"]


def test_of_a_long_absence_the_newest_come(name: str) -> None:
    said(name, ALICE, *map(str, range(5, 301)))
    first, *others = pages(BOB)
    assert (seqs(first, name), first.runs[0].whole) == (list(range(101, 301)), False)
    assert [each.runs for each in others] == []


def test_groups_come_after_pairs_in_pages_and_all_of_them(name: str) -> None:
    befriend(ALICE, BOB)
    store_many(ALICE, BOB, 150)
    project()
    many = [group(made(CAROL, BOB)) for _ in range(3)]
    for each in many:
        said(each, CAROL, *map(str, range(2, 61)))
    set_view(BOB, many[0], is_top=True)
    found = pages(BOB)
    assert [len(each.messages) for each in found] == [200, 134]
    runs = [run for each in found for run in each.runs]
    assert [run.conversation_id for run in runs] == ["1_2", name, many[0], many[0], many[1], many[2]]
    assert all(run.whole for run in runs)
    assert [seq for each in found for seq in seqs(each, many[0])] == list(range(1, 61))


def test_a_page_is_the_last_in_however_many_groups_nothing_waits(name: str) -> None:
    for _ in range(backlog.PAGE + 1):
        set_view(BOB, group(made(ALICE, BOB)), delivered_seq=1)
    assert seqs(page(BOB), name) == [1, 2, 3, 4]
    assert page(BOB).cursor is None


def test_many_users_get_their_own(name: str) -> None:
    changed(name, ALICE, went=(CAROL,))
    set_view(BOB, name, delivered_seq=3)
    found = read(backlog.pages, asked=[(BOB, None), (CAROL, (name, 2)), (DAVE, None)])
    assert [seqs(each, name) for each in found if each] == [[4, 5], [3, 4, 5], []]


def test_a_page_is_bounded_in_bytes(name: str) -> None:
    said(name, ALICE, *("x" * 5_000 for _ in range(100)))
    found = pages(BOB)
    assert len(found) > 1
    assert [seq for each in found for seq in seqs(each, name)] == list(range(1, 105))
