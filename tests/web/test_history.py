"""Tests of POST /message/v1/history, /conversations and /unread, through the real process."""

from typing import Any

import pytest

from tests.people import User, Web, answer, conversation, conversations, friends, history, new_user, send
from tests.processes import wait_until

PATH = "/message/v1/history"


@pytest.fixture(scope="module")
def pair(stack: Any) -> tuple[User, User]:
    """Returns two friends who have 25 messages."""
    web = Web(stack.web_url)
    made = friends(web)
    for number in range(1, 26):
        send(web, *made, f"number {number}")
    return made


def page(web: Web, pair: tuple[User, User], **body: Any) -> tuple[list[int], bool]:
    found = answer(web.post(PATH, {"conversation_id": conversation(*pair)} | body, pair[1].token))
    return [message["seq"] for message in found["messages"]], found["has_more"]


def test_the_newest_come_first_and_ascending(web: Web, pair: tuple[User, User]) -> None:
    assert page(web, pair) == (list(range(6, 26)), True)
    assert page(web, pair, limit=25) == (list(range(1, 26)), False)
    assert page(web, pair, limit=1) == ([25], True)


def test_older_ones_come_before_a_place(web: Web, pair: tuple[User, User]) -> None:
    assert page(web, pair, before_seq=6, limit=3) == ([3, 4, 5], True)
    assert page(web, pair, before_seq=4, limit=3) == ([1, 2, 3], False)
    assert page(web, pair, before_seq=1) == ([], False)


def test_older_ones_come_before_a_message(web: Web, pair: tuple[User, User]) -> None:
    sixth = history(web, pair[0], conversation(*pair))[5]
    assert page(web, pair, last_message_id=sixth["id"], limit=2) == ([4, 5], True)


def test_newer_ones_come_after_a_place(web: Web, pair: tuple[User, User]) -> None:
    assert page(web, pair, after_seq=20, limit=3) == ([21, 22, 23], True)
    assert page(web, pair, after_seq=23) == ([24, 25], False)
    assert page(web, pair, after_seq=0, limit=2) == ([1, 2], True)


def test_a_conversation_without_messages_is_empty(web: Web) -> None:
    alice, bob = new_user(web), new_user(web)
    assert history(web, alice, conversation(alice, bob)) == []


@pytest.mark.parametrize("path", [PATH, "/message/v1/unread"])
def test_a_foreign_or_misspelt_conversation_does_not_exist(web: Web, pair: tuple[User, User], path: str) -> None:
    one, other = sorted((pair[0].id, pair[1].id))
    stranger = new_user(web)
    names = [f"{other}_{one}", f"0{one}_{other}", f"{one}_{one}", f"{one}-{other}", "group_1", "x", f"{one}_{other}\n"]
    for name in names:
        found = web.post(path, {"conversation_id": name}, pair[0].token)
        assert (found.status_code, found.json()["code"]) == (404, 104005), name
    found = web.post(path, {"conversation_id": conversation(*pair)}, stranger.token)
    assert (found.status_code, found.json()["code"]) == (404, 104005)


def test_a_message_of_another_conversation_is_no_place(web: Web, pair: tuple[User, User]) -> None:
    elsewhere = send(web, *friends(web))
    for unknown in (elsewhere["id"], 2**53 - 1):
        body = {"conversation_id": conversation(*pair), "last_message_id": unknown}
        found = web.post(PATH, body, pair[0].token)
        assert (found.status_code, found.json()["code"]) == (404, 104001)


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "20"},
        {"limit": True},
        {"before_seq": 0},
        {"before_seq": 2**63},
        {"after_seq": -1},
        {"last_message_id": 0},
        {"last_message_id": 1.0},
        {"before_seq": 1, "after_seq": 1},
        {"conversation_id": None},
        {"conversation_id": 5},
        {"conversation_id": "x" * 65},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_bad_request_is_refused(web: Web, pair: tuple[User, User], changes: dict[str, Any]) -> None:
    found = web.post(PATH, {"conversation_id": conversation(*pair)} | changes, pair[0].token)
    assert (found.status_code, found.json()["code"]) == (400, 100002)


@pytest.mark.parametrize("changes", [{"page": 0}, {"limit": 51}, {"limit": 0}, {"page": "1"}, {"x": 1}], ids=str)
def test_a_bad_page_is_refused(web: Web, pair: tuple[User, User], changes: dict[str, Any]) -> None:
    found = web.post("/message/v1/conversations", changes, pair[0].token)
    assert (found.status_code, found.json()["code"]) == (400, 100002)


def test_conversations_come_newest_first_in_pages(web: Web) -> None:
    alice, bob = friends(web)
    send(web, alice, bob)
    wait_until(lambda: conversation(alice, bob) in conversations(web, alice), "the conversation to be listed")
    found = answer(web.post("/message/v1/conversations", {"page": 2, "limit": 1}, alice.token))
    assert found == {"conversations": [], "total": 1, "total_unread": 0}
