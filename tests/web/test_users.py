"""Tests of POST /user/v1/me, /update and /search, through the real process."""

import uuid
from typing import Any

import pytest
import requests

from tests.people import User, Web, answer, new_user


@pytest.fixture
def user(web: Web) -> User:
    return new_user(web)


def update(web: Web, user: User, **fields: Any) -> requests.Response:
    return web.post("/user/v1/update", fields, user.token)


def search(web: Web, user: User, keyword: Any, **fields: Any) -> requests.Response:
    return web.post("/user/v1/search", {"keyword": keyword} | fields, user.token)


def assert_refused(response: requests.Response, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"], body["status"]) == (status, code, status), body
    return body


def test_me_is_the_caller(web: Web, user: User) -> None:
    found = answer(web.post("/user/v1/me", token=user.token))
    assert found == {"user": {"id": user.id, "username": user.username, "nickname": user.username, "avatar": ""}}


@pytest.mark.parametrize("path", ["me", "update", "search"])
def test_a_stranger_is_told_401(web: Web, path: str) -> None:
    assert_refused(web.post(f"/user/v1/{path}", {"nonsense": 1}), 401, 100008)


def test_what_is_updated_is_answered_and_stays(web: Web, user: User) -> None:
    found = answer(update(web, user, nickname="新名字", avatar="https://example.org/1.png"))["user"]
    assert found == {
        "id": user.id,
        "username": user.username,
        "nickname": "新名字",
        "avatar": "https://example.org/1.png",
    }
    assert answer(update(web, user, avatar=""))["user"] == found | {"avatar": ""}
    assert answer(update(web, user))["user"] == found | {"avatar": ""}
    assert answer(web.post("/user/v1/me", token=user.token))["user"] == found | {"avatar": ""}


@pytest.mark.parametrize("fields", [{"nickname": "x" * 64}, {"nickname": "😀" * 64}, {"avatar": "x" * 255}], ids=str)
def test_the_longest_fit(web: Web, user: User, fields: dict[str, str]) -> None:
    found = answer(update(web, user, **fields))["user"]
    assert fields.items() <= found.items()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"nickname": ""}, "nickname"),
        ({"nickname": "x" * 65}, "nickname"),
        ({"nickname": None}, "nickname"),
        ({"nickname": 5}, "nickname"),
        ({"avatar": "x" * 256}, "avatar"),
        ({"avatar": None}, "avatar"),
        *(
            ({"avatar": bad}, "avatar")
            for bad in ("javascript:alert(1)", "data:text/html,x", "file:///x", "//x/y", "a\x00")
        ),
        *(({"nickname": bad}, "nickname") for bad in ("\x00", "a\u202eb", " ", "\u200b")),
        ({"username": "another"}, "username"),
        ({"id": 1}, "id"),
        ({"password": "another password"}, "password"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(web: Web, user: User, fields: dict[str, Any], field: str) -> None:
    assert field in assert_refused(update(web, user, **fields), 400, 100002)["errors"]


def test_others_are_found_in_pages(web: Web, user: User) -> None:
    prefix = f"小明{uuid.uuid4().hex[:12]}"
    made = [new_user(web, f"{prefix} {number}") for number in range(3)]
    expected = sorted(made, key=lambda each: each.username)
    found = answer(search(web, user, prefix, limit=2))
    assert ([each["id"] for each in found["users"]], found["total"]) == ([each.id for each in expected[:2]], 3)
    assert set(found["users"][0]) == {"id", "username", "nickname", "avatar"}
    assert [each["id"] for each in answer(search(web, user, prefix, limit=2, page=2))["users"]] == [expected[2].id]
    assert answer(search(web, made[0], prefix))["total"] == 2, "not oneself"
    assert answer(search(web, user, made[1].username.upper()))["users"][0]["id"] == made[1].id
    assert answer(search(web, user, f"{prefix[:-1]}%")) == {"users": [], "total": 0}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"keyword": ""}, "keyword"),
        ({"keyword": "x" * 65}, "keyword"),
        ({"keyword": None}, "keyword"),
        ({"page": 0}, "page"),
        ({"page": "1"}, "page"),
        ({"limit": 0}, "limit"),
        ({"limit": 51}, "limit"),
        ({"limit": True}, "limit"),
        ({"order": "id"}, "order"),
    ],
    ids=str,
)
def test_a_bad_search_is_refused(web: Web, user: User, fields: dict[str, Any], field: str) -> None:
    assert field in assert_refused(search(web, user, **({"keyword": "x"} | fields)), 400, 100002)["errors"]


def test_a_search_needs_a_keyword(web: Web, user: User) -> None:
    assert "keyword" in assert_refused(web.post("/user/v1/search", {}, user.token), 400, 100002)["errors"]
