"""Tests that pages of the origins in ALLOWED_ORIGINS may call REST, and no others."""

import pytest
import requests
from flask import Flask

from infra.settings import settings
from tests.people import Web, new_user
from tests.web.conftest import ALLOWED
from web import cors, errors

PATH = "/message/v1/send"
FOREIGN = [
    "https://evil.example",
    f"{ALLOWED}.evil.example",
    f"{ALLOWED}:8443",
    "http://front.example",
    "null",
    "*",
    "",
]


def preflight(web: Web, path: str, origin: str) -> requests.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return requests.options(f"{web.url}{path}", headers=headers, timeout=30)


def of_cors(found: requests.Response) -> dict[str, str]:
    return {name: value for name, value in found.headers.items() if name.startswith("Access-Control-")}


def assert_readable(found: requests.Response) -> None:
    assert of_cors(found) == {
        "Access-Control-Allow-Origin": ALLOWED,
        "Access-Control-Expose-Headers": "Retry-After, ETag, Content-Range, X-Request-ID",
    }
    assert "Origin" in found.headers["Vary"]


@pytest.mark.parametrize("path", [PATH, "/user/v1/me", "/no/such/path", "/openapi.json"])
def test_a_preflight_of_an_allowed_origin_is_answered_without_a_token(strict_web: Web, path: str) -> None:
    found = preflight(strict_web, path, ALLOWED)
    assert (found.status_code, found.content) == (204, b"")
    allowed = of_cors(found)
    assert allowed["Access-Control-Allow-Origin"] == ALLOWED
    assert allowed["Access-Control-Allow-Methods"] == "GET, POST"
    assert allowed["Access-Control-Allow-Headers"] == "Authorization, Content-Type, Range, traceparent"
    assert int(allowed["Access-Control-Max-Age"]) >= 600
    assert "Access-Control-Allow-Credentials" not in allowed
    assert "Origin" in found.headers["Vary"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_told_nothing(strict_web: Web, origin: str) -> None:
    assert of_cors(preflight(strict_web, PATH, origin)) == {}
    found = strict_web.post(PATH, {}, headers={"Origin": origin})
    assert (found.status_code, of_cors(found)) == (401, {})
    assert "Origin" in found.headers["Vary"], "what a cache keeps of it is not for an allowed origin"


def test_nobody_is_allowed_unless_set(web: Web) -> None:
    assert of_cors(preflight(web, PATH, ALLOWED)) == {}
    found = web.get("/healthz", headers={"Origin": ALLOWED})
    assert (found.status_code, of_cors(found)) == (200, {})


def test_good_and_bad_answers_can_be_read(strict_web: Web) -> None:
    token, headers = new_user(strict_web).token, {"Origin": ALLOWED}
    answers = [
        strict_web.post("/user/v1/me", {}, token, headers=headers),
        strict_web.post(PATH, {}, token, headers=headers),
        strict_web.post(PATH, {}, headers=headers),
        strict_web.post("/no/such/path", {}, token, headers=headers),
        strict_web.get(PATH, token, headers=headers),
        strict_web.post(PATH, {"content": "x" * 300_000}, token, headers=headers),
        strict_web.post(PATH, data=b"x", token=token, headers=headers),
    ]
    assert [found.status_code for found in answers] == [200, 400, 401, 404, 405, 413, 415]
    for found in answers:
        assert_readable(found)


def test_a_preflight_counts_in_no_limit_and_a_limited_answer_can_be_read(strict_web: Web) -> None:
    path = "/user/v1/login"
    assert {preflight(strict_web, path, ALLOWED).status_code for _ in range(61)} == {204}
    url, headers = f"{strict_web.url}{path}", {"Origin": ALLOWED}
    answers = [requests.post(url, json={}, headers=headers, timeout=30) for _ in range(61)]  # all from one address
    assert answers[0].status_code == 400
    limited = next(found for found in answers if found.status_code == 429)
    assert "Retry-After" in limited.headers
    assert_readable(limited)


def test_a_fault_of_ours_can_be_read(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", ALLOWED)
    settings.cache_clear()
    app = Flask(__name__)
    cors.register(app)
    errors.register(app)
    app.add_url_rule("/fault", view_func=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    found = app.test_client().get("/fault", headers={"Origin": ALLOWED})
    assert (found.status_code, found.headers["Access-Control-Allow-Origin"]) == (500, ALLOWED)
