"""Tests of groups in the list of conversations, in unread totals, and as their members arrange them."""

import random
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from actions import directory, groups
from db import session as database
from db.hidden import Hidden
from db.mention import Mention
from db.session import write
from db.user import User
from messaging.bodies import EVERYBODY
from messaging.conversation_id import group
from messaging.conversation_update import arrange
from messaging.conversations import Conversations, conversations, unread
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.draft import Draft, make
from messaging.errors import Code, Refused
from messaging.hello import hellos
from messaging.read import read
from messaging.recall import recall
from messaging.send import Sent
from messaging.sync import sync
from tests.messaging import conftest
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, draft, events, messages, project, refusal, set_view, store
from tests.messaging.groups.conftest import ERIN, FRANK, USERS, new_group, set_group

Mentioned = list[int] | list[str]
ALL = ["all"]


def drafts(group_id: int, author: int, *contents: str, mentions: Mentioned | None = None) -> list[Draft]:
    """Returns drafts of messages to a group."""
    extra = {"mentions": mentions} if mentions else None
    return [make(author, group_id=group_id, content=text, extra=extra) for text in contents]


def say(group_id: int, author: int, *contents: str, mentions: Mentioned | None = None) -> list[dict[str, Any]]:
    """Send messages to a group. Returns the Messages."""
    answers = store(*drafts(group_id, author, *contents, mentions=mentions))
    assert all(isinstance(answer, Sent) for answer in answers), answers
    return [answer.message for answer in answers if isinstance(answer, Sent)]


def listed(user_id: int, page: int = 1, limit: int = 50) -> Conversations:
    return directory.named(database.read, conversations, user_id=user_id, page=page, limit=limit)


def names(user_id: int, **page: int) -> list[str]:
    return [each["conversation_id"] for each in listed(user_id, **page).conversations]


def shown(user_id: int, group_id: int) -> dict[str, Any]:
    """Returns a group as it stands in a user's list."""
    (found,) = [each for each in listed(user_id).conversations if each["group_id"] == group_id]
    return found


def counts(user_id: int, group_id: int) -> tuple[int, int]:
    """Returns the numbers of unread messages and mentions that a user's list shows of a group."""
    found = shown(user_id, group_id)
    return found["unread_count"], found["unread_mentions"]


def total(user_id: int) -> int:
    return database.read(unread, user_id=user_id, conversation_id=None)


def arranged(user_id: int, group_id: int, **wanted: bool) -> dict[str, Any]:
    """Arrange a group as its user. Returns the Conversation of the answer."""
    return write(arrange, user_id=user_id, conversation_id=group(group_id), **wanted).conversation


def remove(group_id: int, user_id: int) -> None:
    assert groups.remove(ALICE, group_id=group_id, user_ids=[user_id])["failed"] == []


def invite(group_id: int, user_id: int) -> None:
    assert groups.invite(ALICE, group_id=group_id, user_ids=[user_id])["failed"] == []


def test_a_group_is_told_as_its_member_sees_it(group_id: int) -> None:
    set_group(group_id, name="team", avatar="/team.png")
    say(group_id, BOB, "first", "second")
    last = say(group_id, CAROL, "newest", mentions=[ALICE])[0]
    write(read, user_id=BOB, conversation_id=group(group_id))
    set_view(CAROL, group(group_id), delivered_seq=2)
    found = shown(ALICE, group_id)
    assert found.pop("update_time") >= last["create_time"]
    assert found == {
        "conversation_id": group(group_id),
        "conversation_type": 2,
        "friend_id": 0,
        "group_id": group_id,
        "name": "team",
        "avatar": "/team.png",
        "last_message": last,
        "last_seq": 5,
        "change_seq": 5,
        "first_seq": 1,
        "read_seq": 0,
        "peer_read_seq": 5,
        "peer_delivered_seq": 5,
        "unread_count": 3,
        "unread_mentions": 1,
        "is_top": False,
        "is_mute": False,
        "del_state": False,
    }


def test_a_group_keeps_its_name_beside_those_of_users(group_id: int) -> None:
    bob = {"id": BOB, "username": "bob", "password_hash": "", "nickname": "Bob", "avatar": "/bob.png"}
    write(lambda session, now: session.add(User(**bob, create_time=now, update_time=now)))
    store(draft(BOB, ALICE))
    project()
    assert {each["name"] for each in listed(ALICE).conversations} == {"us", "Bob"}


@pytest.mark.parametrize(("reader", "other"), [(BOB, 4), (CAROL, 3), (ALICE, 4)])
def test_it_shows_how_far_the_furthest_other_has_got(group_id: int, reader: int, other: int) -> None:
    say(group_id, ALICE, "one", "two")
    set_view(BOB, group(group_id), read_seq=3, delivered_seq=3)
    set_view(CAROL, group(group_id), read_seq=1, delivered_seq=4)
    set_view(ALICE, group(group_id), read_seq=0, delivered_seq=0)
    found = shown(reader, group_id)
    assert found["peer_delivered_seq"] == other
    assert found["peer_read_seq"] == (1 if reader == BOB else 3)


def test_nobody_else_has_got_anything_in_a_group_of_one(friends: None) -> None:
    alone = new_group(ALICE)
    write(read, user_id=ALICE, conversation_id=group(alone))
    assert (shown(ALICE, alone)["peer_read_seq"], shown(ALICE, alone)["peer_delivered_seq"]) == (0, 0)


def test_groups_and_pairs_stand_in_one_order(group_id: int) -> None:
    other = new_group(ALICE, BOB)
    store(draft(ALICE, BOB))
    project()
    assert names(ALICE) == ["1_2", group(other), group(group_id)]
    say(group_id, BOB, "hi")
    assert names(ALICE) == [group(group_id), "1_2", group(other)]
    set_view(ALICE, "1_2", is_top=True)
    assert names(ALICE) == ["1_2", group(group_id), group(other)]
    arranged(ALICE, other, is_top=True)
    assert names(ALICE) == ["1_2", group(other), group(group_id)]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 50])
def test_pages_hold_each_conversation_once(friends: None, limit: int) -> None:
    chance = random.Random(limit)
    made = [new_group(ALICE, BOB) for _ in range(4)]
    for _ in range(3):
        for user in (BOB, CAROL, DAVE, ERIN):
            store(draft(user, ALICE) if chance.random() < 0.5 else draft(ALICE, user))
            say(chance.choice(made), ALICE, "hello")
    project()
    for name in [*map(group, made[:2]), "1_2", "1_3"]:
        set_view(ALICE, name, is_top=chance.random() < 0.5)
    arranged(ALICE, made[3], del_state=True)
    set_view(ALICE, "1_5", del_state=1)
    whole = listed(ALICE)
    order = [(each["is_top"], each["last_message"]["id"]) for each in whole.conversations]
    assert order == sorted(order, reverse=True)
    assert whole.total == len(order) == 6
    pages = [listed(ALICE, page, limit) for page in range(1, 8)]
    assert [each for page in pages for each in page.conversations] == whole.conversations
    assert {(page.total, page.total_unread) for page in pages} == {(6, whole.total_unread)}


def test_the_last_message_is_the_newest_that_the_user_sees(group_id: int) -> None:
    one, two, three = say(group_id, BOB, "one", "two", "three")
    write(delete_for_oneself, user_id=ALICE, message_id=three["id"])
    write(delete_for_oneself, user_id=ALICE, message_id=two["id"])
    assert shown(ALICE, group_id)["last_message"]["content"] == "one"
    assert shown(CAROL, group_id)["last_message"]["content"] == "three"
    write(recall, user_id=BOB, message_id=three["id"])
    assert shown(CAROL, group_id)["last_message"]["status"] == 4
    write(delete_for_everyone, user_id=BOB, message_id=three["id"])
    assert shown(CAROL, group_id)["last_message"]["content"] == "two"
    write(delete_for_everyone, user_id=BOB, message_id=one["id"])
    assert shown(ALICE, group_id)["last_message"]["message_type"] == 0


def test_a_newcomer_sees_nothing_of_what_was_before(group_id: int) -> None:
    say(group_id, ALICE, "before", mentions=ALL)
    invite(group_id, DAVE)
    found = shown(DAVE, group_id)
    assert (found["first_seq"], found["last_seq"], found["unread_count"], found["unread_mentions"]) == (4, 4, 0, 0)
    assert found["last_message"]["extra"]["event"] == "members_added"
    write(delete_for_oneself, user_id=DAVE, message_id=found["last_message"]["id"])
    assert shown(DAVE, group_id)["last_message"] is None
    say(group_id, ALICE, "after", mentions=ALL)
    assert counts(DAVE, group_id) == (1, 1)


def test_who_has_left_sees_the_group_as_it_was_then(group_id: int) -> None:
    say(group_id, ALICE, "one", "two", mentions=[CAROL])
    say(group_id, CAROL, "mine")
    remove(group_id, CAROL)
    before = shown(CAROL, group_id)
    say(group_id, ALICE, "after", mentions=ALL)
    write(read, user_id=BOB, conversation_id=group(group_id))
    assert (before["unread_count"], before["unread_mentions"], before["last_seq"]) == (2, 2, 6)
    assert before["last_message"]["extra"]["event"] == "members_removed"
    now = shown(CAROL, group_id)
    assert now == before
    assert (now["peer_read_seq"], now["peer_delivered_seq"]) == (0, 0), "who reads on is not theirs to see"
    assert total(CAROL) == listed(CAROL).total_unread == 2


def test_who_has_left_reads_what_they_missed(group_id: int) -> None:
    one, _, three = say(group_id, ALICE, "one", "two", "three")
    remove(group_id, CAROL)
    say(group_id, ALICE, "after")
    write(recall, user_id=ALICE, message_id=three["id"])
    assert (counts(CAROL, group_id)[0], total(CAROL)) == (2, 2)
    write(read, user_id=CAROL, message_id=one["id"])
    assert (counts(CAROL, group_id)[0], total(CAROL)) == (1, 1)
    write(read, user_id=CAROL, conversation_id=group(group_id))
    assert (counts(CAROL, group_id)[0], total(CAROL)) == (0, 0)


def test_who_comes_back_sees_from_then_on(group_id: int) -> None:
    say(group_id, ALICE, "one")
    remove(group_id, CAROL)
    say(group_id, ALICE, "two", mentions=ALL)
    invite(group_id, CAROL)
    assert (counts(CAROL, group_id), shown(CAROL, group_id)["first_seq"], total(CAROL)) == ((0, 0), 6, 0)
    say(group_id, ALICE, "three")
    assert counts(CAROL, group_id) == (1, 0)


def test_who_was_never_in_a_group_has_nothing_of_it(group_id: int) -> None:
    assert names(FRANK) == []
    for question in (
        lambda: database.read(unread, user_id=FRANK, conversation_id=group(group_id)),
        lambda: database.read(unread, user_id=ALICE, conversation_id="group_0"),
        lambda: database.read(unread, user_id=ALICE, conversation_id=group(group_id + 1)),
        lambda: arranged(FRANK, group_id, is_top=True),
        lambda: arranged(ALICE, group_id + 1, is_top=True),
    ):
        assert refusal(question) is Code.NO_SUCH_CONVERSATION


def test_a_muted_group_adds_its_mentions_alone_to_the_total(group_id: int) -> None:
    say(group_id, ALICE, "one", "two")
    say(group_id, ALICE, "you", mentions=[CAROL])
    say(group_id, ALICE, "all", mentions=ALL)
    say(group_id, CAROL, "I", mentions=[CAROL])
    assert (total(CAROL), total(BOB)) == (4, 5)
    for user in (BOB, CAROL):
        assert arranged(user, group_id, is_mute=True)["is_mute"]
    assert (total(CAROL), total(BOB)) == (2, 1)
    assert (counts(CAROL, group_id), counts(BOB, group_id)) == ((4, 2), (5, 1))


def test_a_hidden_group_is_neither_listed_nor_counted_until_its_next_message(group_id: int) -> None:
    say(group_id, ALICE, "all", mentions=ALL)
    assert arranged(CAROL, group_id, del_state=True)["del_state"] is True
    assert (names(CAROL), total(CAROL), listed(CAROL).total) == ([], 0, 0)
    assert database.read(unread, user_id=CAROL, conversation_id=group(group_id)) == 1
    assert names(BOB) == [group(group_id)]
    say(group_id, ALICE, "next")
    assert (names(CAROL), total(CAROL)) == ([group(group_id)], 2)
    assert shown(CAROL, group_id)["del_state"] is False


def test_a_hidden_group_is_shown_again(group_id: int) -> None:
    arranged(CAROL, group_id, del_state=True, is_mute=True)
    assert arranged(CAROL, group_id, del_state=False)["is_mute"] is True
    assert names(CAROL) == [group(group_id)]


def test_an_arrangement_is_told_to_its_user_alone(group_id: int) -> None:
    conftest.drain()
    arranged(CAROL, group_id, is_top=True)
    (event,) = events()
    assert (event.kind, event.user_id, event.conversation_id) == (6, CAROL, group(group_id))
    assert [(told.user_ids, told.kind) for told in conftest.drain()] == [((CAROL,), "resync")]
    assert not shown(ALICE, group_id)["is_top"]


def test_nothing_to_arrange_is_refused(group_id: int) -> None:
    assert refusal(lambda: arranged(CAROL, group_id)) is Code.INVALID


def test_who_has_left_may_hide_and_nothing_more(group_id: int) -> None:
    remove(group_id, CAROL)
    for wanted in ({"is_top": True}, {"is_mute": False}, {"del_state": True, "is_mute": True}):
        assert refusal(lambda wanted=wanted: arranged(CAROL, group_id, **wanted)) is Code.ROLE_TOO_LOW
    assert names(CAROL) == [group(group_id)]
    assert arranged(CAROL, group_id, del_state=True)["del_state"]
    say(group_id, ALICE, "after")
    assert (names(CAROL), total(CAROL)) == ([], 0)
    assert not arranged(CAROL, group_id, del_state=False)["del_state"]


def test_a_dissolved_group_is_still_listed_and_arranged(group_id: int) -> None:
    say(group_id, ALICE, "one")
    groups.dissolve(ALICE, group_id=group_id)
    assert shown(CAROL, group_id)["last_message"]["extra"]["event"] == "dissolved"
    assert arranged(CAROL, group_id, is_top=True)["is_top"]
    assert counts(CAROL, group_id) == (1, 0)


def _act(chance: random.Random, made: list[int]) -> None:
    """Let somebody do something to a group or a friend."""
    group_id, user = chance.choice(made), chance.choice(USERS[:5])
    name, stored = group(group_id), [each for each in messages() if each.conversation_id == group(group_id)]
    mentions = chance.choice([[], [], [ALICE], [chance.choice(USERS[:3])], ALL])
    message = chance.choice(stored)
    rules: list[tuple[int, Any]] = [
        (5, lambda: store(*drafts(group_id, user, "one", "two", mentions=mentions))),
        (2, lambda: store(draft(user, 1 + user % 5))),
        (2, lambda: write(read, user_id=user, conversation_id=name)),
        (2, lambda: write(read, user_id=user, message_id=message.id)),
        (1, lambda: write(recall, user_id=ALICE, message_id=message.id)),
        (1, lambda: write(delete_for_everyone, user_id=ALICE, message_id=message.id)),
        (1, lambda: write(delete_for_oneself, user_id=user, message_id=message.id)),
        (1, lambda: arranged(user, group_id, is_mute=chance.random() < 0.5)),
        (1, lambda: arranged(user, group_id, del_state=chance.random() < 0.7)),
        (1, lambda: groups.remove(ALICE, group_id=group_id, user_ids=[user])),
        (2, lambda: groups.invite(ALICE, group_id=group_id, user_ids=[user])),
    ]
    with suppress(Refused):  # not all may do all
        chance.choices([rule for _, rule in rules], [weight for weight, _ in rules])[0]()


def _hidden_from(session: Session, user_id: int) -> set[int]:
    return set(session.scalars(select(Hidden.message_id).where(Hidden.user_id == user_id)))


def _mentions(session: Session, name: str, user_id: int) -> set[int]:
    of = (Mention.conversation_id == name, Mention.user_id.in_([user_id, EVERYBODY]))
    return set(session.scalars(select(Mention.seq).where(*of)))


def _expected(user_id: int, conversation: dict[str, Any]) -> tuple[int, int]:
    """Returns the unread messages and mentions of a conversation by the contract's definition, of its messages."""
    name = conversation["conversation_id"]
    seen = range(conversation["first_seq"], conversation["last_seq"] + 1)
    hidden = database.read(lambda session, _: _hidden_from(session, user_id))
    mentioned = database.read(lambda session, _: _mentions(session, name, user_id))
    unread = [
        each
        for each in messages()
        if each.conversation_id == name and each.seq in seen and each.seq > conversation["read_seq"]
        if each.from_user_id != user_id and each.message_type and each.status in (1, 2) and each.id not in hidden
    ]
    return len(unread), sum(each.seq in mentioned for each in unread)


@pytest.mark.parametrize("seed", range(2))
def test_list_sync_counts_and_totals_agree_whatever_happens(friends: None, seed: int) -> None:
    chance = random.Random(seed)
    made = [new_group(ALICE, BOB, CAROL), new_group(ALICE, CAROL, DAVE, ERIN)]
    for _ in range(8):
        for _ in range(8):
            _act(chance, made)
        project()
        for user in USERS:
            agree(user)


def agree(user: int) -> None:
    """Fails unless all that tells of a user's conversations tells the same, and that is what the messages say."""
    page = listed(user)
    by_name = {each["conversation_id"]: each for each in page.conversations}
    synced = {
        moved.conversation["conversation_id"]: moved
        for moved in directory.named(database.read, sync, user_id=user, heads={}, changes={}).conversations
    }
    visible = {name for name, moved in synced.items() if not moved.conversation["del_state"]}
    assert by_name.keys() == visible
    expected_total = 0
    for name, moved in synced.items():
        view = moved.conversation
        assert by_name.get(name, view) == view
        assert [each["seq"] for each in moved.messages] == list(range(view["first_seq"], view["last_seq"] + 1))
        assert (view["unread_count"], view["unread_mentions"]) == _expected(user, view)
        assert database.read(unread, user_id=user, conversation_id=name) == view["unread_count"]
        if name in visible:
            expected_total += view["unread_mentions"] if view["is_mute"] else view["unread_count"]
    told = database.read(hellos, user_ids=[user])[user].total_unread
    assert page.total_unread == total(user) == told == expected_total
