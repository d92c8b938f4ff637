"""Tests of POST /friend/v1/…, through the real process."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.people import User, Web, answer, befriend, friends, new_user, send

NOBODY = 2**53 - 1
PATHS = ["request", "handle", "requests", "list", "delete", "block", "unblock", "blocks"]


@pytest.fixture
def two(web: Web) -> tuple[User, User]:
    return new_user(web), new_user(web)


def call(web: Web, user: User, path: str, **body: Any) -> requests.Response:
    return web.post(f"/friend/v1/{path}", body, user.token)


def ask(web: Web, user: User, other: User, **body: Any) -> int:
    return int(answer(call(web, user, "request", to_user_id=other.id, **body))["request_id"])


def asked(web: Web, user: User) -> list[int]:
    return [entry["request_id"] for entry in answer(call(web, user, "requests"))["requests"]]


def friends_of(web: Web, user: User) -> list[int]:
    return [entry["id"] for entry in answer(call(web, user, "list"))["friends"]]


def assert_refused(response: requests.Response, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"], body["status"]) == (status, code, status), body
    return body


def wire(user: User) -> dict[str, Any]:
    return {"id": user.id, "username": user.username, "nickname": user.username, "avatar": ""}


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_is_told_401(web: Web, path: str) -> None:
    assert_refused(web.post(f"/friend/v1/{path}", {"nonsense": 1}), 401, 100008)


def test_asking_and_accepting(web: Web, two: tuple[User, User]) -> None:
    alice, bob = two
    number = ask(web, alice, bob, message="hi 👋")
    found = answer(call(web, bob, "requests"))
    created = found["requests"][0].pop("create_time")
    assert isinstance(created, int)
    assert found == {"requests": [{"request_id": number, "user": wire(alice), "message": "hi 👋"}], "total": 1}
    assert answer(call(web, bob, "handle", request_id=number, action="accept")) == {}
    assert answer(call(web, alice, "list")) == {"friends": [wire(bob)], "total": 1}
    assert answer(call(web, bob, "list")) == {"friends": [wire(alice)], "total": 1}
    assert send(web, alice, bob)["seq"] == 1


def test_rejecting(web: Web, two: tuple[User, User]) -> None:
    alice, bob = two
    assert answer(call(web, bob, "handle", request_id=ask(web, alice, bob), action="reject")) == {}
    assert friends_of(web, alice) == asked(web, bob) == []


def test_asking_twice_answers_the_same_id(web: Web, two: tuple[User, User]) -> None:
    assert ask(web, *two) == ask(web, *two)


def test_asking_back_befriends(web: Web, two: tuple[User, User]) -> None:
    alice, bob = two
    assert ask(web, alice, bob) == ask(web, bob, alice)
    assert friends_of(web, alice) == [bob.id]


def test_asking_each_other_at_once_befriends(web: Web, two: tuple[User, User]) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda pair: ask(web, *pair), (two, two[::-1]))
    assert one == other
    assert friends_of(web, two[0]) == [two[1].id]
    assert asked(web, two[0]) == asked(web, two[1]) == []


def test_refused_requests(web: Web) -> None:
    alice, bob = friends(web)
    assert_refused(call(web, alice, "request", to_user_id=alice.id), 400, 101011)
    assert_refused(call(web, alice, "request", to_user_id=NOBODY), 404, 100007)
    assert_refused(call(web, alice, "request", to_user_id=bob.id), 409, 101006)


def test_a_request_that_is_unknown_or_anothers_is_not_found(web: Web, two: tuple[User, User]) -> None:
    alice, bob = two
    number = ask(web, alice, bob)
    refused = [
        call(web, who, "handle", request_id=which, action="accept").content
        for who, which in ((alice, number), (new_user(web), number), (bob, NOBODY))
    ]
    assert refused[0] == refused[1] == refused[2]
    assert_refused(call(web, alice, "handle", request_id=number, action="accept"), 404, 101008)


def test_a_request_is_handled_once(web: Web, two: tuple[User, User]) -> None:
    number = ask(web, *two)
    answer(call(web, two[1], "handle", request_id=number, action="reject"))
    assert_refused(call(web, two[1], "handle", request_id=number, action="accept"), 409, 101010)


def test_a_friendship_is_ended_for_both_and_only_once(web: Web) -> None:
    alice, bob = friends(web)
    for _ in range(2):
        assert answer(call(web, bob, "delete", user_id=alice.id)) == {}
    assert friends_of(web, alice) == friends_of(web, bob) == []
    assert answer(call(web, bob, "delete", user_id=NOBODY)) == {}


def test_a_block_stops_messages_both_ways_and_keeps_the_friendship(web: Web) -> None:
    alice, bob = friends(web)
    assert answer(call(web, alice, "block", user_id=bob.id)) == {}
    assert answer(call(web, alice, "blocks")) == {"users": [wire(bob)], "total": 1}
    assert answer(call(web, bob, "blocks")) == {"users": [], "total": 0}
    for one, other in ((alice, bob), (bob, alice)):
        refused = web.post("/message/v1/send", {"to_user_id": other.id, "content": "x"}, one.token)
        assert_refused(refused, 403, 101007)
    assert friends_of(web, bob) == [alice.id]
    assert answer(call(web, alice, "unblock", user_id=bob.id)) == {}
    assert send(web, bob, alice)["seq"] == 1
    assert answer(call(web, alice, "unblock", user_id=NOBODY)) == {}


def test_refused_blocks(web: Web, two: tuple[User, User]) -> None:
    assert "user_id" in assert_refused(call(web, two[0], "block", user_id=two[0].id), 400, 100002)["errors"]
    assert_refused(call(web, two[0], "block", user_id=NOBODY), 404, 100007)


def test_a_blocked_person_is_answered_like_a_stranger_and_never_shown(web: Web) -> None:
    bob, blocked, stranger = new_user(web), new_user(web), new_user(web)
    answer(call(web, bob, "block", user_id=blocked.id))
    numbers = []
    for who in (blocked, stranger):
        found = call(web, who, "request", to_user_id=bob.id)
        again = call(web, who, "request", to_user_id=bob.id)
        assert (found.status_code, found.content) == (200, again.content)
        assert set(found.json()) == {"request_id"}
        numbers.append(found.json()["request_id"])
    assert asked(web, bob) == [numbers[1]]
    assert_refused(call(web, bob, "handle", request_id=numbers[0], action="accept"), 404, 101008)


def test_a_blocked_friend_and_a_stranger_are_refused_alike(web: Web) -> None:
    alice, bob = friends(web)
    answer(call(web, bob, "block", user_id=alice.id))
    blocked, stranger = (
        web.post("/message/v1/send", {"to_user_id": target, "content": "x"}, alice.token)
        for target in (bob.id, new_user(web).id)
    )
    assert (blocked.status_code, blocked.content) == (stranger.status_code, stranger.content)


def test_lists_come_in_pages(web: Web, two: tuple[User, User]) -> None:
    alice, bob = two
    others = [new_user(web) for _ in range(2)]
    for other in others:
        befriend(web, other, alice)
        answer(call(web, alice, "block", user_id=other.id))
    ask(web, bob, alice)
    for path, key in (("list", "friends"), ("blocks", "users")):
        found = answer(call(web, alice, path, page=2, limit=1))
        assert found == {key: [wire(others[1])], "total": 2}
    assert answer(call(web, alice, "requests", page=2, limit=1)) == {"requests": [], "total": 1}


@pytest.mark.parametrize("path", ["requests", "list", "blocks"])
@pytest.mark.parametrize("body", [{"page": 0}, {"page": "1"}, {"limit": 0}, {"limit": 51}, {"other": 1}], ids=str)
def test_a_bad_page_is_refused(web: Web, two: tuple[User, User], path: str, body: dict[str, Any]) -> None:
    assert set(body) == set(assert_refused(call(web, two[0], path, **body), 400, 100002)["errors"])


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("request", {}, "to_user_id"),
        ("request", {"to_user_id": "1"}, "to_user_id"),
        ("request", {"to_user_id": 0}, "to_user_id"),
        ("request", {"to_user_id": 2**53}, "to_user_id"),
        ("request", {"to_user_id": 1, "message": "x" * 256}, "message"),
        ("request", {"to_user_id": 1, "message": None}, "message"),
        ("request", {"to_user_id": 1, "from_user_id": 2}, "from_user_id"),
        ("handle", {"request_id": 1}, "action"),
        ("handle", {"request_id": 1, "action": "ACCEPT"}, "action"),
        ("handle", {"request_id": True, "action": "accept"}, "request_id"),
        ("delete", {}, "user_id"),
        ("block", {"user_id": None}, "user_id"),
        ("unblock", {"user_id": 1.0}, "user_id"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(web: Web, two: tuple[User, User], path: str, body: dict[str, Any], field: str) -> None:
    assert field in assert_refused(call(web, two[0], path, **body), 400, 100002)["errors"]
