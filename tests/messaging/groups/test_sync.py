"""Tests that `sync` brings members of a group all that they may see, and nothing else."""

from typing import Any

import pytest
from sqlalchemy import update

from actions import groups
from db import session as database
from db.head import Head
from db.message import Message
from db.session import write
from messaging.conversation_id import group
from messaging.conversation_update import arrange
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.recall import recall
from messaging.sync import Moved, Sync, sync
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, draft, project, store
from tests.messaging.groups.conftest import ERIN
from tests.messaging.groups.test_conversations import invite, remove, say


def syncs(user_id: int, heads: dict[str, int] | None = None, changes: dict[str, int] | None = None) -> Sync:
    return database.read(sync, user_id=user_id, heads=heads or {}, changes=changes or {})


def moved(user_id: int, heads: dict[str, int] | None = None, changes: dict[str, int] | None = None) -> Moved:
    """Returns the only conversation that moved on. Fails when there are others."""
    (only,) = syncs(user_id, heads, changes).conversations
    return only


def told(of: Moved) -> list[tuple[int, str]]:
    return [(message["seq"], message["content"]) for message in of.messages]


def test_what_is_above_the_seq_comes_at_once(group_id: int) -> None:
    say(group_id, BOB, "one", "two")
    found = moved(CAROL, {group(group_id): 3})
    assert (told(found), found.truncated) == ([(4, "two")], False)
    assert (found.conversation["last_seq"], found.conversation["unread_count"]) == (4, 2)
    assert syncs(CAROL, {group(group_id): 4}, {group(group_id): 4}) == Sync([], truncated=False)


def test_groups_and_pairs_that_are_not_named_come_whole(group_id: int) -> None:
    store(draft(CAROL, ALICE))
    project()
    say(group_id, BOB, "one")
    found = syncs(CAROL).conversations
    assert [each.conversation["conversation_id"] for each in found] == ["1_3", group(group_id)]
    assert [[seq for seq, _ in told(each)] for each in found] == [[1], [1, 2, 3]]


def test_changes_come_when_they_are_asked_for(group_id: int) -> None:
    one, two, three = say(group_id, BOB, "one", "two", "three")
    name, known = group(group_id), three["change_seq"]
    write(recall, user_id=ALICE, message_id=one["id"])
    write(delete_for_everyone, user_id=BOB, message_id=two["id"])
    write(delete_for_oneself, user_id=CAROL, message_id=three["id"])
    found = moved(CAROL, {name: 5}, {name: known})
    assert [(each["seq"], each["status"]) for each in found.messages] == [(3, 4), (4, 5), (5, 5)]
    others = moved(ALICE, {name: 5}, {name: known})
    assert [(each["seq"], each["status"]) for each in others.messages] == [(3, 4), (4, 5), (5, 1)]


def test_an_arrangement_moves_the_group_without_messages(group_id: int) -> None:
    name = group(group_id)
    write(arrange, user_id=CAROL, conversation_id=name, is_top=True)
    found = moved(CAROL, {name: 2}, {name: 2})
    assert (found.messages, found.conversation["is_top"]) == ([], True)


@pytest.mark.parametrize("known", [None, 0, 2])
def test_a_newcomer_gets_nothing_of_what_was_before(group_id: int, known: int | None) -> None:
    before = say(group_id, ALICE, *["before"] * 3)
    invite(group_id, DAVE)
    name = group(group_id)
    write(recall, user_id=ALICE, message_id=before[0]["id"])
    say(group_id, ALICE, "after")
    mine = {} if known is None else {name: known}
    for changes in ({}, {name: 0}, {name: 6}):
        found = moved(DAVE, mine, changes)
        assert (told(found), found.truncated) == ([(6, ""), (7, "after")], False), changes
    assert syncs(DAVE, {name: 99}, {name: 0}).conversations[0].messages[0]["seq"] == 6


@pytest.mark.parametrize("known", [0, 2, 4, 6, 99])
def test_who_has_left_gets_nothing_of_what_came_later(group_id: int, known: int) -> None:
    name = group(group_id)
    one = say(group_id, ALICE, "one", "two")[0]
    remove(group_id, CAROL)
    say(group_id, ALICE, "later", "and later")
    write(recall, user_id=ALICE, message_id=one["id"])
    for changes in ({}, {name: 0}, {name: 4}):
        for moved_on in syncs(CAROL, {name: known}, changes).conversations:
            assert all(seq <= 5 and content in ("", "one", "two", "[消息已撤回]") for seq, content in told(moved_on))
            assert moved_on.conversation["last_seq"] == 5
    assert [seq for seq, _ in told(moved(CAROL))] == [1, 2, 3, 4, 5]
    assert syncs(CAROL, {name: 5}, {name: moved(CAROL).conversation["change_seq"]}).conversations == []


def test_what_who_has_left_hides_reaches_their_other_devices(group_id: int) -> None:
    name = group(group_id)
    (one,) = say(group_id, ALICE, "one")
    remove(group_id, CAROL)
    known = moved(CAROL).conversation["change_seq"]
    say(group_id, ALICE, "later")
    write(delete_for_oneself, user_id=CAROL, message_id=one["id"])
    found = moved(CAROL, {name: 4}, {name: known})
    assert [(each["seq"], each["status"]) for each in found.messages] == [(3, 5)]
    assert moved(CAROL, {name: 99}, {name: known}).messages == found.messages, "whatever a client says that it has"
    write(arrange, user_id=CAROL, conversation_id=name, del_state=True)
    found = moved(CAROL, {name: 4}, {name: found.conversation["change_seq"]})
    assert (found.messages, found.conversation["del_state"]) == ([], True)


def test_who_comes_back_gets_what_came_since_alone(group_id: int) -> None:
    name = group(group_id)
    say(group_id, ALICE, "one")
    remove(group_id, CAROL)
    say(group_id, ALICE, "between")
    invite(group_id, CAROL)
    say(group_id, ALICE, "after")
    for heads, changes in (({}, {}), ({name: 4}, {name: 4}), ({name: 4}, {name: 0}), ({name: 0}, {})):
        assert told(moved(CAROL, heads, changes)) == [(6, ""), (7, "after")]


@pytest.mark.parametrize("user", [DAVE, ERIN])
def test_a_stranger_gets_nothing(group_id: int, user: int) -> None:
    say(group_id, ALICE, "one")
    for name in (group(group_id), group(group_id + 1), "group_0", "group_x", "group_"):
        assert syncs(user, {name: 0}, {name: 0}).conversations == []


def test_at_most_200_messages_of_a_group_come(group_id: int) -> None:
    name = group(group_id)
    for _ in range(4):
        say(group_id, BOB, *["x"] * 60)
    whole = moved(CAROL)
    assert ([seq for seq, _ in told(whole)], whole.truncated) == (list(range(43, 243)), True)
    first = moved(CAROL, {name: 0})
    assert ([seq for seq, _ in told(first)], first.truncated) == (list(range(1, 201)), True)
    invite(group_id, DAVE)
    say(group_id, BOB, *["x"] * 60)
    assert not moved(DAVE).truncated, "what was before them is not cut off"


def test_a_change_of_an_old_message_of_a_long_group_does_not_reach_a_newcomer(group_id: int) -> None:
    name = group(group_id)
    invite(group_id, DAVE)
    values: dict[str, Any] = {"change_seq": 900}
    write(lambda session, _: session.execute(update(Message).where(Message.seq == 1).values(values)))
    write(lambda session, _: session.execute(update(Head).where(Head.conversation_id == name).values(values)))
    assert moved(DAVE, {name: 3}, {name: 3}).messages == []
    assert [seq for seq, _ in told(moved(ALICE, {name: 3}, {name: 3}))] == [1]


def test_many_groups_are_cut_off_and_go_on(friends: None) -> None:
    made = [groups.create(ALICE, name="g", member_ids=[BOB])["group"]["id"] for _ in range(103)]
    first = syncs(BOB)
    assert (len(first.conversations), first.truncated) == (100, True)
    known = {each.conversation["conversation_id"]: each.conversation["last_seq"] for each in first.conversations}
    rest = syncs(BOB, known)
    assert (len(rest.conversations), rest.truncated) == (3, False)
    assert known.keys() | {each.conversation["conversation_id"] for each in rest.conversations} == set(map(group, made))
