"""Tests of `sync`, by which a client catches up on what it missed."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from db import session as database
from db.conversation import Conversation
from db.head import Head
from db.message import Message
from db.session import write
from messaging.conversation_id import single
from messaging.conversation_update import arrange
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.errors import Code
from messaging.read import read
from messaging.recall import recall
from messaging.sync import Moved, Sync, sync
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    hide,
    project,
    refusal,
    store_many,
    stored,
    view,
)


def bob_syncs(heads: dict[str, int] | None = None, changes: dict[str, int] | None = None) -> Sync:
    return database.read(sync, user_id=BOB, heads=heads or {}, changes=changes or {})


def moved(heads: dict[str, int] | None = None, changes: dict[str, int] | None = None) -> Moved:
    """Returns the only conversation that moved on. Fails when there are others."""
    (only,) = bob_syncs(heads, changes).conversations
    return only


def seqs(of: Moved) -> list[int]:
    return [message["seq"] for message in of.messages]


def acquaintances(count: int) -> list[str]:
    """Store conversations of Bob with that many others. Returns their ids, sorted."""
    names = [single(BOB, BOB + other) for other in range(1, count + 1)]

    def rule(session: Session, now: datetime) -> None:
        times = {"create_time": now, "update_time": now}
        rows = [{"conversation_id": name, "user_id": BOB, "friend_id": 0, "last_seq": 1} | times for name in names]
        session.execute(insert(Conversation), rows)

    write(rule)
    return sorted(names)


def renumber(first: int, last: int, change_seq: int) -> None:
    """Number messages as if they had been changed one after the other, from `change_seq` on."""

    def rule(session: Session, _now: datetime) -> None:
        where = (Message.conversation_id == "1_2", Message.seq >= first, Message.seq <= last)
        values = {"change_seq": Message.seq - first + change_seq}
        session.execute(update(Message).where(*where).values(values).execution_options(synchronize_session=False))
        raised = {"change_seq": change_seq + last - first}
        for table in (Head, Conversation):
            mine = (table.conversation_id == "1_2",)
            session.execute(update(table).where(*mine).values(raised).execution_options(synchronize_session=False))

    write(rule)


@pytest.fixture
def five(pair: str) -> list[dict[str, Any]]:
    """Send five messages from Alice to Bob, applied to both rows."""
    sent = store_many(ALICE, BOB, 5)
    project()
    return sent


def test_who_has_everything_gets_nothing(five: list[dict[str, Any]]) -> None:
    assert bob_syncs({"1_2": 5}) == Sync([], truncated=False)
    assert bob_syncs({"1_2": 5}, {"1_2": 5}) == Sync([], truncated=False)
    assert bob_syncs({"1_2": 99}, {"1_2": 99}) == Sync([], truncated=False)


def test_what_is_above_the_head_comes(five: list[dict[str, Any]]) -> None:
    found = moved({"1_2": 3})
    assert (found.messages, found.truncated) == (five[3:], False)
    assert (found.conversation["last_seq"], found.conversation["unread_count"]) == (5, 5)


def test_a_conversation_that_is_not_named_comes_whole(five: list[dict[str, Any]]) -> None:
    found = moved()
    assert (found.messages, found.truncated) == (five, False)


def test_a_conversation_named_among_the_changes_alone_comes_from_its_start(five: list[dict[str, Any]]) -> None:
    assert seqs(moved({}, {"1_2": 5})) == [1, 2, 3, 4, 5]


def test_what_no_drain_has_reached_does_not_come(five: list[dict[str, Any]]) -> None:
    stored(ALICE, BOB)
    assert bob_syncs({"1_2": 5}, {"1_2": 5}).conversations == []
    assert seqs(moved({"1_2": 4})) == [5]


def test_changes_of_known_messages_come_when_they_are_asked_for(five: list[dict[str, Any]]) -> None:
    write(recall, user_id=ALICE, message_id=five[1]["id"])
    project()
    assert bob_syncs({"1_2": 5}).conversations == []
    found = moved({"1_2": 5}, {"1_2": 5})
    assert [(each["seq"], each["status"], each["change_seq"]) for each in found.messages] == [(2, 4, 6)]
    assert bob_syncs({"1_2": 5}, {"1_2": found.conversation["change_seq"]}).conversations == []


def test_only_changes_above_the_number_come(five: list[dict[str, Any]]) -> None:
    for message in five[:3]:
        write(read, user_id=BOB, message_id=message["id"])
    project()
    assert seqs(moved({"1_2": 5}, {"1_2": 7})) == [3]
    assert seqs(moved({"1_2": 5}, {"1_2": 6})) == [2, 3]


def test_a_new_message_that_was_changed_comes_once(five: list[dict[str, Any]]) -> None:
    write(recall, user_id=ALICE, message_id=five[4]["id"])
    project()
    found = moved({"1_2": 4}, {"1_2": 4})
    assert [(each["seq"], each["status"]) for each in found.messages] == [(5, 4)]


def test_new_and_changed_messages_come_in_the_order_of_seq(five: list[dict[str, Any]]) -> None:
    for message in (five[1], five[0]):
        write(read, user_id=BOB, message_id=message["id"])
    project()
    assert seqs(moved({"1_2": 3}, {"1_2": 3})) == [1, 2, 4, 5]


def test_withdrawn_messages_are_tombstones_and_no_holes(five: list[dict[str, Any]]) -> None:
    write(delete_for_everyone, user_id=ALICE, message_id=five[1]["id"])
    hide(BOB, five[2])
    hide(ALICE, five[3])
    found = moved()
    assert [(each["seq"], each["status"], each["content"]) for each in found.messages] == [
        (1, 1, "hello"),
        (2, 5, ""),
        (3, 5, ""),
        (4, 1, "hello"),
        (5, 1, "hello"),
    ]


def test_hiding_on_one_device_reaches_the_others(five: list[dict[str, Any]]) -> None:
    write(delete_for_oneself, user_id=BOB, message_id=five[0]["id"])
    project()
    assert [(each["seq"], each["status"]) for each in moved({"1_2": 5}, {"1_2": 5}).messages] == [(1, 5)]


def test_hiding_is_nothing_to_the_peer(five: list[dict[str, Any]]) -> None:
    write(delete_for_oneself, user_id=ALICE, message_id=five[0]["id"])
    project()
    assert bob_syncs({"1_2": 5}, {"1_2": 5}).conversations == []


def test_a_receipt_up_to_a_place_moves_the_conversation_without_messages(five: list[dict[str, Any]]) -> None:
    write(read, user_id=BOB, conversation_id="1_2")
    project()
    found = moved({"1_2": 5}, {"1_2": 5})
    assert (found.messages, found.conversation["read_seq"], found.conversation["unread_count"]) == ([], 5, 0)


def test_an_arrangement_moves_the_conversation(five: list[dict[str, Any]]) -> None:
    write(arrange, user_id=BOB, conversation_id="1_2", is_top=True)
    found = moved({"1_2": 5}, {"1_2": 5})
    assert (found.messages, found.conversation["is_top"]) == ([], True)


@pytest.mark.parametrize(("count", "cut"), [(200, False), (201, True)])
def test_at_most_200_new_messages_of_a_conversation_come(pair: str, count: int, cut: bool) -> None:
    store_many(ALICE, BOB, count)
    project()
    found = moved({"1_2": 0})
    assert (seqs(found), found.truncated) == (list(range(1, 201)), cut)
    if cut:
        rest = moved({"1_2": 200})
        assert (seqs(rest), rest.truncated) == ([201], False)


@pytest.mark.parametrize(("count", "cut"), [(200, False), (201, True)])
def test_of_a_conversation_not_named_the_newest_200_come(pair: str, count: int, cut: bool) -> None:
    store_many(ALICE, BOB, count)
    project()
    found = moved()
    assert (seqs(found), found.truncated) == (list(range(count - 199, count + 1)), cut)


@pytest.mark.parametrize(("count", "cut"), [(200, False), (201, True)])
def test_at_most_200_changed_messages_come_oldest_changes_first(pair: str, count: int, cut: bool) -> None:
    store_many(ALICE, BOB, 210)
    project()
    renumber(5, 4 + count, 211)
    found = moved({"1_2": 210}, {"1_2": 210})
    assert (seqs(found), found.truncated) == (list(range(5, 205)), cut)


def test_a_client_that_goes_on_from_what_it_got_misses_nothing(pair: str) -> None:
    """New and changed messages are cut off in the same answer. The client goes on as docs/protocol.md says."""
    store_many(ALICE, BOB, 450)
    project()
    renumber(1, 205, 451)
    held: dict[int, int] = {}
    head, mark, calls = 220, 220, 0
    while True:
        answer = moved({"1_2": head}, {"1_2": mark})
        calls += 1
        held |= {message["seq"]: message["change_seq"] for message in answer.messages}
        if not answer.truncated:
            break
        old = [message["change_seq"] for message in answer.messages if message["seq"] <= head]
        mark = max([mark, *old])
        head = max([head, *seqs(answer)])
    assert calls == 2
    assert held == {seq: seq + 450 if seq <= 205 else seq for seq in (*range(1, 206), *range(221, 451))}


@pytest.mark.parametrize(("count", "cut"), [(100, False), (101, True)])
def test_at_most_100_conversations_come(any_database: str, count: int, cut: bool) -> None:
    names = acquaintances(count)
    answer = bob_syncs()
    assert [each.conversation["conversation_id"] for each in answer.conversations] == names[:100]
    assert answer.truncated == cut
    rest = bob_syncs(dict.fromkeys(names[:100], 1))
    assert [each.conversation["conversation_id"] for each in rest.conversations] == names[100:]
    assert not rest.truncated


def test_named_ones_count_among_the_100(any_database: str) -> None:
    names = acquaintances(101)
    answer = bob_syncs(dict.fromkeys(names[:60], 0))
    assert (len(answer.conversations), answer.truncated) == (100, True)


def test_conversations_that_have_not_moved_do_not_count(any_database: str) -> None:
    names = acquaintances(300)
    answer = bob_syncs(dict.fromkeys(names[:250], 1))
    assert ([each.conversation["conversation_id"] for each in answer.conversations], answer.truncated) == (
        names[250:],
        False,
    )


@pytest.mark.parametrize(("heads", "changes"), [(1000, 0), (0, 1000), (1000, 1000)])
def test_1000_conversations_may_be_named(any_database: str, heads: int, changes: int) -> None:
    names = acquaintances(1000)
    answer = bob_syncs(dict.fromkeys(names[:heads], 1), dict.fromkeys(names[:changes], 0))
    assert len(answer.conversations) == (0 if not changes else 100 if not heads else 0)


@pytest.mark.parametrize(("heads", "changes"), [(1001, 0), (0, 1001), (501, 500)])
def test_more_than_1000_are_refused(any_database: str, heads: int, changes: int) -> None:
    names = [f"{one}_2000" for one in range(1, 1002)]
    asked = dict.fromkeys(names[:heads], 0), dict.fromkeys(names[1001 - changes :], 0)
    assert refusal(lambda: bob_syncs(*asked)) == Code.INVALID


@pytest.mark.parametrize("name", ["1_3", "2_1", "group_1", "2_9", "x"])
def test_what_is_not_ones_own_is_passed_over(five: list[dict[str, Any]], name: str) -> None:
    befriend(ALICE, CAROL)
    stored(ALICE, CAROL)
    project()
    assert bob_syncs({"1_2": 5, name: 0}, {name: 0}).conversations == []


def test_a_hidden_conversation_comes_too(five: list[dict[str, Any]]) -> None:
    write(arrange, user_id=BOB, conversation_id="1_2", del_state=True)
    assert view(BOB).del_state == 1
    assert seqs(moved()) == [1, 2, 3, 4, 5]
