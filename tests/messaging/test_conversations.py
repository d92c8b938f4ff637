"""Tests of a user's list of conversations, and of its counts."""

import pytest
from sqlalchemy import insert

from actions import directory
from db import session as database
from db.session import write
from db.user import User
from messaging.conversations import Conversations, conversations, total_unread, unread
from messaging.errors import Code, Refused
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    befriend,
    hide,
    project,
    read,
    set_message,
    set_view,
    store_many,
    stored,
    view,
)


def listed(user_id: int = ALICE, page: int = 1, limit: int = 20) -> Conversations:
    return directory.named(database.read, conversations, user_id=user_id, page=page, limit=limit)


def names(**page: int) -> list[str]:
    return [each["conversation_id"] for each in listed(**page).conversations]


def count(user_id: int = ALICE, conversation_id: str | None = None) -> int:
    return database.read(unread, user_id=user_id, conversation_id=conversation_id)


@pytest.fixture
def three(any_database: str) -> None:
    """Make three conversations of Alice: Bob wrote once, then Carol twice, and last Dave three times."""
    for number, friend in enumerate((BOB, CAROL, DAVE), start=1):
        befriend(ALICE, friend)
        store_many(friend, ALICE, number)
    project()


def test_who_has_no_conversation_has_an_empty_list(any_database: str) -> None:
    assert listed() == Conversations([], 0, 0)


def test_a_conversation_is_told_as_its_user_sees_it(pair: str) -> None:
    people = [
        {"id": user, "username": name, "password_hash": "", "nickname": name.title(), "avatar": f"/{name}.png"}
        for user, name in ((ALICE, "alice"), (BOB, "bob"))
    ]
    write(
        lambda session, now: session.execute(
            insert(User), [each | {"create_time": now, "update_time": now} for each in people]
        )
    )
    stored(ALICE, BOB)
    last = stored(BOB, ALICE, "newest")
    project()
    set_view(BOB, read_seq=1, delivered_seq=1)
    (found,) = listed().conversations
    assert found.pop("update_time") >= last["create_time"]
    assert found == {
        "conversation_id": pair,
        "conversation_type": 1,
        "friend_id": BOB,
        "group_id": 0,
        "name": "Bob",
        "avatar": "/bob.png",
        "last_message": last,
        "last_seq": 2,
        "change_seq": 2,
        "first_seq": 1,
        "read_seq": 0,
        "peer_read_seq": 1,
        "peer_delivered_seq": 1,
        "unread_count": 1,
        "unread_mentions": 0,
        "is_top": False,
        "is_mute": False,
        "del_state": False,
    }


def test_each_side_sees_the_others_seqs(pair: str) -> None:
    store_many(ALICE, BOB, 5)
    project()
    set_view(ALICE, read_seq=1, delivered_seq=2)
    set_view(BOB, read_seq=3, delivered_seq=4)
    seen = [
        (each["peer_read_seq"], each["peer_delivered_seq"])
        for user in (ALICE, BOB)
        for each in listed(user).conversations
    ]
    assert seen == [(3, 4), (1, 2)]


def test_a_peer_without_a_row_has_seen_nothing(three: None) -> None:
    write(lambda session, _: session.delete(session.merge(view(BOB))))
    found = next(each for each in listed().conversations if each["conversation_id"] == "1_2")
    assert (found["peer_read_seq"], found["peer_delivered_seq"]) == (0, 0)


def test_a_friend_unknown_to_the_directory_has_no_name(three: None) -> None:
    assert [(each["name"], each["avatar"]) for each in listed().conversations] == [("", "")] * 3


def test_the_newest_come_first(three: None) -> None:
    assert names() == ["1_4", "1_3", "1_2"]
    stored(BOB, ALICE)
    project()
    assert names() == ["1_2", "1_4", "1_3"], "also when all is within one second"


def test_those_on_top_come_before_newer_ones(three: None) -> None:
    set_view(ALICE, "1_2", is_top=True)
    assert names() == ["1_2", "1_4", "1_3"]
    set_view(ALICE, "1_3", is_top=True)
    assert names() == ["1_3", "1_2", "1_4"], "the newest first among them"


def test_a_conversation_without_messages_comes_last(three: None) -> None:
    set_view(ALICE, "1_4", last_message_id=None)
    assert names() == ["1_3", "1_2", "1_4"]
    assert listed().conversations[2]["last_message"] is None


def test_a_hidden_conversation_is_neither_listed_nor_counted(three: None) -> None:
    set_view(ALICE, "1_3", del_state=1)
    found = listed()
    assert [each["conversation_id"] for each in found.conversations] == ["1_4", "1_2"]
    assert (found.total, found.total_unread) == (2, 4)


def test_pages_do_not_overlap_and_know_the_whole(three: None) -> None:
    found = [listed(page=page, limit=2) for page in (1, 2, 3)]
    assert [[each["conversation_id"] for each in one.conversations] for one in found] == [["1_4", "1_3"], ["1_2"], []]
    assert [(one.total, one.total_unread) for one in found] == [(3, 6)] * 3


def test_a_muted_conversation_is_listed_and_not_in_the_total(three: None) -> None:
    set_view(ALICE, "1_4", is_mute=True)
    found = listed()
    assert (len(found.conversations), found.total, found.total_unread) == (3, 3, 3)
    assert found.conversations[0]["unread_count"] == 3


def test_somebody_elses_list_is_his_own(three: None) -> None:
    assert [(each["conversation_id"], each["unread_count"]) for each in listed(BOB).conversations] == [("1_2", 0)]
    assert listed(DAVE).total == 1


@pytest.mark.parametrize(("status", "content"), [(Status.RECALLED, "[消息已撤回]"), (Status.DELETED, "")])
def test_the_last_message_is_shown_as_it_now_stands(pair: str, status: Status, content: str) -> None:
    message = stored(BOB, ALICE, "secret")
    project()
    set_message(message, status=status)
    (found,) = listed().conversations
    assert (found["last_message"]["content"], found["last_message"]["status"]) == (content, status)


def test_unread_is_counted_in_one_or_in_all(three: None) -> None:
    assert (count(), count(conversation_id="1_3"), count(conversation_id="1_4")) == (6, 2, 3)
    assert (count(BOB), count(BOB, "1_2")) == (0, 0)


def test_muted_and_hidden_ones_are_left_out_of_the_total_alone(three: None) -> None:
    set_view(ALICE, "1_3", del_state=1)
    set_view(ALICE, "1_4", is_mute=True)
    assert (count(), count(conversation_id="1_3"), count(conversation_id="1_4")) == (1, 2, 3)
    assert read(lambda session: total_unread(session, ALICE)) == listed().total_unread == 1


def test_a_conversation_not_begun_has_nothing_unread(any_database: str) -> None:
    assert count(conversation_id="1_2") == 0


@pytest.mark.parametrize("name", ["2_3", "2_1", "group_1", "nonsense"])
def test_a_stranger_is_told_no_count(three: None, name: str) -> None:
    with pytest.raises(Refused) as caught:
        count(conversation_id=name)
    assert caught.value.code is Code.NO_SUCH_CONVERSATION


def test_a_hidden_message_is_not_counted(pair: str) -> None:
    _, hidden = store_many(BOB, ALICE, 2)
    hide(ALICE, hidden)
    project()
    assert count() == 1


def test_a_page_is_read_by_the_lists_index(mariadb_database: str, statements: list[str]) -> None:
    listed()
    (statement,) = [each for each in statements if "ORDER BY im_conversation.is_top" in each]
    values = {"user": ALICE, "conversation_type_1": 1, "del_state_1": 0, "skipped": 0, "most": 20}
    explain = f"EXPLAIN FORMAT=TRADITIONAL {statement}"
    (plan,) = read(lambda session: list(session.connection().exec_driver_sql(explain, values).mappings()))
    assert plan["key"] == "idx_im_conversation_list"
    assert "filesort" not in plan["Extra"]
