"""Tests of which tokens the REST door accepts."""

import re
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests

from tests import databases
from tests.people import User, Web, answer, new_user
from tests.processes import ROOT, wait_until
from tests.stack import Stack

PATH = "/message/v1/unread"


@pytest.fixture
def user(web: Web) -> User:
    return new_user(web)


def token(user: User, *, key: str = databases.SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    body = {"sub": str(user.id), "type": "access", "exp": int(time.time()) + 600} | claims
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        return jwt.encode({name: value for name, value in body.items() if value is not None}, key, algorithm)


def assert_refused(response: requests.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (401, 100008)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_good_token_is_accepted(web: Web, user: User) -> None:
    assert answer(web.post(PATH, token=token(user))) == {"count": 0}


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer x.y.z", "Basic dTpw", "Bearer \xff"])
def test_no_token_or_no_jwt_is_refused(web: Web, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    assert_refused(web.post(PATH, {}, headers=headers))


@pytest.mark.parametrize(
    "made",
    [
        {"key": "k" * 40},
        {"algorithm": "HS512"},
        {"key": "", "algorithm": "none"},
        {"exp": 1},
        {"exp": None},
        {"exp": "soon"},
        {"type": "refresh"},
        {"sub": None},
        {"sub": 5},
        {"sub": "0"},
        {"sub": "-1"},
        {"sub": "5x"},
        {"sub": str(2**63)},
        {"nbf": int(time.time()) + 3600},
        {"fam": [1]},
        {"fam": {"a": 1}},
        {"jti": 7},
        {"jti": "x" * 65},
    ],
    ids=str,
)
def test_a_forged_expired_or_malformed_token_is_refused(web: Web, user: User, made: dict[str, Any]) -> None:
    assert_refused(web.post(PATH, token=token(user, **made)))


def test_a_refresh_token_is_no_access_token(web: Web, user: User) -> None:
    assert_refused(web.post(PATH, token=user.refresh_token))


def test_the_protocol_shows_how_a_token_is_issued(web: Web, user: User) -> None:
    shown = re.search(r"```python\n(import time\n.*?)```", (ROOT / "docs/protocol.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(shown.group(1), names)  # type: ignore[union-attr]
    known, unknown = (names["token"](user_id, databases.SECRET) for user_id in (user.id, 2**53 - 1))
    assert answer(web.post("/user/v1/me", token=known))["user"]["id"] == user.id
    answer(web.post("/user/v1/logout", token=known))
    assert_refused(web.post("/user/v1/me", token=known))
    assert answer(web.post("/message/v1/conversations", token=unknown))["conversations"] == []
    assert web.post("/user/v1/me", token=unknown).status_code == 404
    assert web.post("/message/v1/send", {"to_user_id": user.id, "content": "x"}, unknown).status_code == 403


def test_a_revoked_token_is_refused_by_the_process_that_revoked_it_at_once(web: Web, user: User) -> None:
    answer(web.post("/user/v1/logout", token=user.token))
    assert_refused(web.post(PATH, token=user.token))


def test_a_stranger_with_a_bad_body_is_told_401(web: Web) -> None:
    assert_refused(web.post("/message/v1/send", {"nonsense": True}))
    assert_refused(web.post("/message/v1/send", data=b"{", headers={"Content-Type": "application/json"}))
    assert_refused(web.post("/message/v1/send", data=b"x", headers={"Content-Type": "text/plain"}))


def test_health_the_description_and_the_demo_need_no_token(web: Web) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs/", "/"):
        assert web.get(path).status_code == 200, path


def test_an_unknown_route_is_404_for_anybody(web: Web) -> None:
    found = web.post("/message/v1/nothing")
    assert (found.status_code, found.json()["code"]) == (404, 100007)


def test_a_wrong_method_says_which_is_right(web: Web, user: User) -> None:
    found = web.get("/message/v1/send", user.token)
    assert (found.status_code, found.json()["code"]) == (405, 100013)
    assert "POST" in found.headers["Allow"]


def test_revocation_reaches_another_process(stack: Any, web: Web, user: User) -> None:
    other = Web(stack.add("web").url)
    assert other.post(PATH, token=user.token).status_code == 200
    answer(web.post("/user/v1/logout", token=user.token))
    wait_until(lambda: other.post(PATH, token=user.token).status_code == 401, "the other process to know", seconds=5)


@pytest.mark.parametrize("path", [PATH, "/user/v1/refresh"])
def test_of_bad_tokens_an_address_may_try_few_and_good_ones_go_through(stack: Stack, user: User, path: str) -> None:
    crowded = Web(stack.add("web").url, address="127.0.0.3")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: crowded.post(path, {}, "x.y.z"), range(150)))
    statuses = [each.status_code for each in answers]
    assert (statuses.count(401), statuses.count(429)) == (60, 90)
    refused = answers[statuses.index(429)]
    assert refused.json()["code"] == 100010
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert answer(crowded.post(PATH, token=user.token)) == {"count": 0}
    assert_refused(Web(crowded.url, address="127.0.0.4").post(path, {}, "x.y.z"))
