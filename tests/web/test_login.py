"""Tests of POST /user/v1/register, /login, /refresh and /logout, through the real process."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests

from tests import databases
from tests.people import User, Web, answer, new_user
from tests.stack import Stack

PASSWORD = "a long password"


def name() -> str:
    return f"u{uuid.uuid4().hex[:16]}"


def register(web: Web, **changes: Any) -> requests.Response:
    return web.post("/user/v1/register", {"username": name(), "password": PASSWORD} | changes)


def login(web: Web, username: str, password: str = PASSWORD) -> requests.Response:
    return web.post("/user/v1/login", {"username": username, "password": password})


def refresh(web: Web, token: str | None) -> requests.Response:
    return web.post("/user/v1/refresh", token=token)


def assert_refused(response: requests.Response, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"], body["status"]) == (status, code, status), body
    assert response.headers["Content-Type"] == "application/problem+json"
    return body


def assert_good(web: Web, token: str) -> None:
    answer(web.post("/user/v1/me", token=token))


def assert_dead(web: Web, token: str) -> None:
    assert_refused(web.post("/user/v1/me", token=token), 401, 100008)


def test_registering_signs_in(web: Web) -> None:
    username = name()
    found = answer(register(web, username=username, nickname="小明 🌸"))
    user = found.pop("user")
    assert user == {"id": user["id"], "username": username, "nickname": "小明 🌸", "avatar": ""}
    assert found.pop("expires_in") == 86_400
    assert set(found) == {"access_token", "refresh_token"}
    assert_good(web, found["access_token"])


def test_without_a_nickname_the_username_stands_in(web: Web) -> None:
    user = answer(register(web))["user"]
    assert user["nickname"] == user["username"]


def test_capitals_in_a_username_are_small_letters(web: Web) -> None:
    username = name()
    assert answer(register(web, username=username.upper()))["user"]["username"] == username
    assert_refused(register(web, username=username), 409, 101002)
    assert answer(login(web, username.upper()))["user"]["username"] == username


def test_a_token_names_its_user_and_ends(web: Web) -> None:
    user = new_user(web)
    for token, lives in ((user.token, 86_400), (user.refresh_token, 30 * 86_400)):
        claims = jwt.decode(token, databases.SECRET, ["HS256"])
        assert claims["sub"] == str(user.id)
        assert claims["exp"] == pytest.approx(time.time() + lives, abs=60)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        *(
            ({"username": bad}, "username")
            for bad in ("ab", "x" * 33, "a b c", "käse", "a@b.c", "abc\n", "", 123, None)
        ),
        *(({"password": bad}, "password") for bad in ("short12", "x" * 129, "", 12345678, None)),
        *(({"nickname": bad}, "nickname") for bad in ("", "x" * 65, 5, None, "\x00", "a\u202eb", " ", "\u200b")),
        ({"is_admin": True}, "is_admin"),
        ({"id": 1}, "id"),
    ],
    ids=repr,
)
def test_a_bad_field_is_named(web: Web, changes: dict[str, Any], field: str) -> None:
    assert field in assert_refused(register(web, **changes), 400, 100002)["errors"]


@pytest.mark.parametrize("path", ["/user/v1/register", "/user/v1/login"])
def test_missing_fields_are_named(web: Web, path: str) -> None:
    assert set(assert_refused(web.post(path, {}), 400, 100002)["errors"]) == {"username", "password"}
    assert_refused(web.post(path, {"username": "abc", "password": PASSWORD, "otp": "1"}), 400, 100002)


@pytest.mark.parametrize("username", ["a.b", "a_b", "a-b", "...", "x" * 32, "007"])
def test_what_a_username_may_look_like(web: Web, username: str) -> None:
    assert answer(register(web, username=username))["user"]["username"] == username


def test_the_right_password_signs_in(web: Web) -> None:
    user = new_user(web)
    found = answer(login(web, user.username))
    assert found["user"]["id"] == user.id
    assert set(found) == {"user", "access_token", "refresh_token", "expires_in"}
    assert_good(web, found["access_token"])


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(web: Web) -> None:
    user = new_user(web)
    wrong, unknown = login(web, user.username, "wrong password"), login(web, name(), "wrong password")
    assert_refused(wrong, 401, 101003)
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    same = ("Date", "Content-Length", "X-Request-ID")
    assert {k: v for k, v in wrong.headers.items() if k not in same} == {
        k: v for k, v in unknown.headers.items() if k not in same
    }


@pytest.mark.parametrize("known", [True, False])
def test_ten_wrong_passwords_and_the_right_one_must_wait(web: Web, known: bool) -> None:
    username = new_user(web).username if known else name()
    for _ in range(10):
        assert_refused(login(web, username, "wrong password"), 401, 101003)
    refused = login(web, username)
    assert_refused(refused, 429, 100010)
    assert 840 < int(refused.headers["Retry-After"]) <= 900


def test_guessing_at_once_gets_no_more_guesses(web: Web) -> None:
    username = new_user(web).username
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: login(web, username, "wrong password").status_code, range(20)))
    assert (answers.count(401), answers.count(429)) == (10, 10)


def test_who_signs_in_may_err_again(web: Web) -> None:
    user = new_user(web)
    web = Web(web.url, address="127.3.0.1")
    for _ in range(2):
        for _ in range(9):
            assert_refused(login(web, user.username, "wrong password"), 401, 101003)
        answer(login(web, user.username))


def test_a_refresh_token_gets_a_new_pair(web: Web) -> None:
    user = new_user(web)
    found = answer(refresh(web, user.refresh_token))
    assert set(found) == {"access_token", "refresh_token", "expires_in"}
    assert found["expires_in"] == 86_400
    assert answer(web.post("/user/v1/me", token=found["access_token"]))["user"]["id"] == user.id
    again = answer(refresh(web, found["refresh_token"]))
    assert len({user.refresh_token, found["refresh_token"], again["refresh_token"]}) == 3


def test_a_refresh_token_used_again_ends_the_whole_login(web: Web) -> None:
    user = new_user(web)
    newer = answer(refresh(web, user.refresh_token))
    assert_good(web, newer["access_token"])
    assert_refused(refresh(web, user.refresh_token), 401, 100008)
    assert_dead(web, user.token)
    assert_dead(web, newer["access_token"])
    assert_refused(refresh(web, newer["refresh_token"]), 401, 100008)
    assert_good(web, answer(login(web, user.username))["access_token"])


def test_of_refreshes_at_once_exactly_one_wins(web: Web) -> None:
    user = new_user(web)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: refresh(web, user.refresh_token).status_code, range(6)))
    assert sorted(answers) == [200, 401, 401, 401, 401, 401]


def made(user: User, **claims: Any) -> str:
    body = {"sub": str(user.id), "type": "refresh", "exp": int(time.time()) + 600, "jti": name(), "fam": name()}
    kept = {key: value for key, value in (body | claims).items() if value is not None}
    return jwt.encode(kept, databases.SECRET, "HS256")


@pytest.mark.parametrize(
    "claims", [{"type": "access"}, {"exp": 1}, {"exp": None}, {"jti": None}, {"fam": None}], ids=str
)
def test_what_is_no_refresh_token_is_refused(web: Web, claims: dict[str, Any]) -> None:
    user = new_user(web)
    assert_refused(refresh(web, made(user, **claims)), 401, 100008)
    assert refresh(web, made(user)).status_code == 200


def test_an_access_token_or_none_is_no_refresh_token(web: Web) -> None:
    for token in (new_user(web).token, "x.y.z", None):
        refused = refresh(web, token)
        assert_refused(refused, 401, 100008)
        assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_logging_out_ends_this_login_and_no_other(web: Web) -> None:
    user = new_user(web)
    other = answer(login(web, user.username))
    newer = answer(refresh(web, user.refresh_token))
    assert answer(web.post("/user/v1/logout", token=user.token)) == {}
    for token in (user.token, newer["access_token"]):
        assert_dead(web, token)
    assert_refused(refresh(web, newer["refresh_token"]), 401, 100008)
    assert_good(web, other["access_token"])


def test_logging_out_takes_an_access_token(web: Web) -> None:
    assert_refused(web.post("/user/v1/logout"), 401, 100008)
    assert_refused(web.post("/user/v1/logout", token=new_user(web).refresh_token), 401, 100008)


def test_a_token_without_an_id_cannot_be_logged_out(web: Web) -> None:
    nameless = made(new_user(web), type="access", jti=None, fam=None)
    assert_refused(web.post("/user/v1/logout", token=nameless), 403, 100009)


def test_a_foreign_token_with_an_id_is_logged_out_alone(web: Web) -> None:
    foreign = made(new_user(web), type="access", fam=None)
    answer(web.post("/user/v1/logout", token=foreign))
    assert_dead(web, foreign)


def test_an_address_may_not_try_passwords_without_end(stack: Stack) -> None:
    limited = Web(stack.web_url, address="127.0.0.2")
    answers = [limited.post("/user/v1/login", {}) for _ in range(61)]
    assert {found.status_code for found in answers[:60]} == {400}
    assert_refused(answers[60], 429, 100010)
    assert 0 < int(answers[60].headers["Retry-After"]) <= 60
    assert_refused(limited.post("/user/v1/register", {}), 400, 100002)
    assert limited.get("/healthz").status_code == 200


def test_the_description_says_which_calls_need_no_token(web: Web) -> None:
    paths = web.get("/openapi.json").json()["paths"]
    open_to_all = {path for path, calls in paths.items() for call in calls.values() if call.get("security") == []}
    assert open_to_all == {"/user/v1/register", "/user/v1/login", "/healthz", "/readyz"}
    assert paths["/user/v1/refresh"]["post"]["security"] == [{"refresh": []}]
