"""Tests of which request headers are trusted, and of the headers that every answer sends to browsers."""

import pytest
import requests
import websocket
from flask import Flask

from infra.settings import settings
from tests.device import Device
from tests.embedded_run import EmbeddedRun
from tests.people import Web, new_user
from tests.stack import Stack
from web import headers


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/foo/user/v1/login", {"SCRIPT_NAME": "/foo"}),
        ("/foo", {"PATH_INFO": "/user/v1/login"}),
    ],
)
def test_no_header_rewrites_a_path(stack: Stack, path: str, sent: dict[str, str]) -> None:
    web = Web(stack.web_url, address="127.0.0.1")  # a proxy often calls from this address
    assert web.post(path, {}, headers=sent).status_code == 404


def test_a_header_that_would_move_the_path_changes_nothing(stack: Stack) -> None:
    web = Web(stack.web_url, address="127.0.0.1")
    token = new_user(web).token
    assert web.post("/message/v1/unread", {}, token, headers={"SCRIPT_NAME": "/message"}).json() == {"count": 0}


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/", "/docs/swagger-ui-bundle.js", "/openapi.json", "/healthz", "/static/x", "/nowhere"]
)
def test_no_answer_may_be_framed_or_guessed_at(web: Web, path: str) -> None:
    headers = web.get(path).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_may_show_pictures_of_its_own_and_of_the_server(web: Web) -> None:
    policy = web.get("/").headers["Content-Security-Policy"].split("; ")
    assert {"img-src 'self' data: blob:", "media-src 'self' blob:", "script-src 'self'"} <= set(policy)


@pytest.mark.parametrize(
    ("storage", "endpoint", "place"),
    [
        ("s3://bucket", "https://s3.example:9000/", "https://s3.example:9000"),
        ("s3://bucket/prefix", "", "https://s3.eu-west-1.amazonaws.com"),
        ("var/media", "https://s3.example", None),
    ],
)
def test_the_page_may_follow_pictures_to_where_they_lie(
    database: str, monkeypatch: pytest.MonkeyPatch, storage: str, endpoint: str, place: str | None
) -> None:
    keys = {"S3_ACCESS_KEY_ID": "key", "S3_SECRET_ACCESS_KEY": "Zq4mT0wXv8LrB2nYc6HdPf1sKj5gUa3e"}
    given = {"MEDIA_STORAGE": storage, "MEDIA_REDIRECT": "1", "S3_ENDPOINT": endpoint, "S3_REGION": "eu-west-1"}
    for name, value in (given | keys).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    app = Flask(__name__)
    headers.register(app)
    app.add_url_rule("/", endpoint="demo.index", view_func=lambda: "page")
    policy = app.test_client().get("/").headers["Content-Security-Policy"]
    elsewhere = f" {place}" if place else ""
    assert f"; img-src 'self' data: blob:{elsewhere}; media-src 'self' blob:{elsewhere}" in policy
    assert policy.endswith(f"blob:{elsewhere}")


def test_no_answer_of_the_api_is_kept_by_a_cache(web: Web) -> None:
    body = {"username": "nobody", "password": "a long password"}
    answers = [web.post("/user/v1/login", body), web.post("/user/v1/me"), web.get("/healthz"), web.get("/nowhere")]
    token = new_user(web).token
    answers += [web.post("/user/v1/me", token=token), web.post("/message/v1/ws/ticket", token=token)]
    assert {each.headers["Cache-Control"] for each in answers} == {"no-store"}


@pytest.mark.parametrize("path", ["/docs", "/static//app.js"])
def test_no_address_is_built_from_the_host(web: Web, path: str) -> None:
    found = web.get(path, headers={"Host": "evil.example"}, allow_redirects=False)
    assert "Location" not in found.headers
    assert "evil.example" not in found.text
    assert found.status_code == (200 if path == "/docs" else 404)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost:80.evil.example", "10.0.0.1"])
def test_the_embedded_default_is_for_this_machine_alone(embedded: EmbeddedRun, host: str) -> None:
    web = Web(embedded.url)
    token = new_user(web).token
    refused = web.post("/user/v1/me", {}, token, headers={"Host": host})
    assert (refused.status_code, refused.json()["code"]) == (400, 100002)
    for path in ("/", "/demo.json", "/static/index.html", "/docs"):
        assert web.get(path, headers={"Host": host}).status_code == 400
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        Device(embedded.url, token, host=host, origin=f"http://{host}", suppress_origin=False)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("port", ["", ":8080"])
def test_this_machine_has_two_names(embedded: EmbeddedRun, host: str, port: str) -> None:
    web = Web(embedded.url)
    token = new_user(web).token
    assert web.post("/user/v1/me", {}, token, headers={"Host": host + port}).status_code == 200
    Device(embedded.url, token, host=host + port).online().close()


@pytest.mark.parametrize("door", ["web", "realtime"])
def test_elsewhere_a_service_has_the_name_that_it_is_given(stack: Stack, door: str) -> None:
    url = {"web": stack.web_url, "realtime": stack.realtime_urls[0]}[door]
    assert requests.get(f"{url}/healthz", headers={"Host": "im.example.org"}, timeout=30).ok
