"""Tests of POST /message/v1/forward, through the real process."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from messaging.errors import Code
from tests.people import User, Web, answer, befriend, conversation, friends, history, new_group, new_user, send

PATH = "/message/v1/forward"


@pytest.fixture(scope="module")
def pair(stack: Any) -> tuple[User, User]:
    return friends(Web(stack.web_url))


def forward(web: Web, user: User, body: dict[str, Any]) -> Any:
    return answer(web.post(PATH, body, user.token))


def refusal(found: requests.Response) -> tuple[int, int, set[str]]:
    """Returns the status, the code, and the fields that are wrong."""
    body = found.json()
    return found.status_code, body["code"], set(body.get("errors", {}))


def test_copies_come_to_users_and_groups(web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    carol, stranger = new_user(web), new_user(web)
    befriend(web, alice, carol)
    group = new_group(web, alice, carol)
    first = send(web, bob, alice, "first", extra={"mentions": [alice.id], "more": 1})
    second = send(web, alice, bob, "second")
    to = [{"to_user_id": carol.id}, {"to_user_id": stranger.id}, {"group_id": group["id"]}, {"group_id": 10**9}]
    found = forward(web, alice, {"message_ids": [first["id"], second["id"]], "to": to, "client_msg_id": "f"})
    assert [(each["conversation_id"], each["content"], each["client_msg_id"]) for each in found["messages"]] == [
        (conversation(alice, carol), "first", "f.0"),
        (conversation(alice, carol), "second", "f.1"),
        (group["conversation_id"], "first", "f.4"),
        (group["conversation_id"], "second", "f.5"),
    ]
    assert found["failed"] == [
        {"to_user_id": stranger.id, "code": Code.NOT_FRIENDS},
        {"group_id": 10**9, "code": Code.NO_SUCH_GROUP},
    ]
    origins = [{"user_id": each["from_user_id"], "message_id": each["id"]} for each in (first, second)]
    got = history(web, carol, group["conversation_id"])[1:]
    assert [each["extra"] for each in got] == [
        {"more": 1, "forwarded_from": origins[0]},
        {"forwarded_from": origins[1]},
    ]
    copy = found["messages"][0]
    again = forward(web, carol, {"message_ids": [copy["id"]], "to": [{"group_id": group["id"]}]})["messages"][0]
    assert again["extra"]["forwarded_from"] == origins[0]


def test_a_repeat_is_answered_as_before_also_when_the_original_is_recalled(web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    original = send(web, alice, bob)
    body = {"message_ids": [original["id"]], "to": [{"to_user_id": bob.id}], "client_msg_id": "once"}
    before = forward(web, alice, body)
    assert forward(web, alice, body) == before
    answer(web.post("/message/v1/recall", {"message_id": original["id"]}, alice.token))
    assert forward(web, alice, body) == before
    assert refusal(web.post(PATH, body | {"client_msg_id": "twice"}, alice.token))[:2] == (404, Code.NO_SUCH_MESSAGE)


def test_the_same_forward_many_times_at_once_is_stored_once(web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    originals = [send(web, alice, bob, f"{number}")["id"] for number in range(5)]
    group = new_group(web, alice, bob)
    body = {"message_ids": originals, "to": [{"group_id": group["id"]}], "client_msg_id": "at once"}
    with ThreadPoolExecutor(8) as callers:
        found = list(callers.map(lambda _: forward(web, alice, body), range(8)))
    assert all(each == found[0] for each in found)
    assert [each["content"] for each in history(web, bob, group["conversation_id"])[1:]] == [*"01234"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"message_ids": []}, "message_ids"),
        ({"message_ids": list(range(1, 52))}, "message_ids"),
        ({"message_ids": [1, 1]}, "message_ids"),
        ({"message_ids": [0]}, "message_ids"),
        ({"message_ids": ["1"]}, "message_ids"),
        ({"message_ids": [None]}, "message_ids"),
        ({"message_ids": 1}, "message_ids"),
        ({"to": []}, "to"),
        ({"to": [{"group_id": number} for number in range(1, 22)]}, "to"),
        ({"to": [{"group_id": 1}, {"group_id": 1}]}, "to"),
        ({"to": [{}]}, "to"),
        ({"to": [{"group_id": 1, "to_user_id": 2}]}, "to"),
        ({"to": [{"group_id": 1, "more": 2}]}, "to"),
        ({"to": [{"group_id": None}]}, "to"),
        ({"to": [{"to_user_id": True}]}, "to"),
        ({"to": [1]}, "to"),
        ({"to": {"group_id": 1}}, "to"),
        ({"client_msg_id": "x" * 41}, "client_msg_id"),
        ({"client_msg_id": ""}, "client_msg_id"),
        ({"client_msg_id": "x "}, "client_msg_id"),
        ({"client_msg_id": "x\n"}, "client_msg_id"),
        ({"client_msg_id": "é"}, "client_msg_id"),
        ({"content": "x"}, "content"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(web: Web, pair: tuple[User, User], change: dict[str, Any], field: str) -> None:
    body = {"message_ids": [1], "to": [{"group_id": 1}]} | change
    assert refusal(web.post(PATH, body, pair[0].token)) == (400, Code.INVALID, {field})


def test_the_longest_key_is_taken(web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    body = {"message_ids": [send(web, alice, bob)["id"]], "to": [{"to_user_id": bob.id}], "client_msg_id": "x" * 40}
    assert forward(web, alice, body)["messages"][0]["client_msg_id"] == "x" * 40 + ".0"


def test_nobody_forwards_to_oneself(web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    body = {"message_ids": [send(web, alice, bob)["id"]], "to": [{"to_user_id": alice.id}]}
    assert refusal(web.post(PATH, body, alice.token)) == (400, Code.INVALID, {"to"})


def test_the_copies_of_a_user_are_limited(web: Web) -> None:
    alice, bob = friends(web)
    originals = [send(web, alice, bob)["id"] for _ in range(20)]
    to = [{"group_id": number} for number in range(10**9, 10**9 + 20)]
    found = [web.post(PATH, {"message_ids": originals, "to": to}, alice.token) for _ in range(6)]
    assert [each.status_code for each in found] == [200] * 5 + [429]
    assert int(found[-1].headers["Retry-After"]) > 30
    one = {"message_ids": originals[:1], "to": to[:1]}
    assert web.post(PATH, one, alice.token).status_code == 429
    assert web.post(PATH, one, bob.token).status_code == 200
