"""Tests that the OpenAPI document is complete, describes every answer, and that no body causes an internal error."""

import copy
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import requests
import schemathesis
from hypothesis import Phase, given, settings
from schemathesis import Case

from messaging.errors import Code
from tests import databases
from tests.described import Description
from tests.people import User, Web, answer, conversation, conversations, friends, new_user, send
from tests.processes import ROOT, wait_until
from tests.stack import Stack

PASSWORD = "a long password"  # of every new user
AREAS = {
    "message": "send history conversations read receipts recall delete unread sync conversation/update ws/ticket",
    "user": "register login refresh logout password delete me update search",
    "friend": "request handle requests list delete block unblock blocks",
}
CALLS = [f"/{area}/v1/{name}" for area, names in AREAS.items() for name in names.split()]
OF_EVERY_CALL = {Code.TOO_MANY_REQUESTS, Code.INTERNAL}
OF_EVERY_POST = {Code.INVALID, Code.TOO_LARGE, Code.UNSUPPORTED, Code.UNAVAILABLE} | OF_EVERY_CALL
# Anchors, literals, plain classes, groups and quantifiers mean the same in every language.
PLAIN_PATTERN = re.compile(r"\^(\[[^\[\]\\^]+\]|[A-Za-z0-9_]|[()]|[?*+]|\{[0-9]+(,[0-9]*)?\})+\$")


@pytest.fixture(scope="module")
def generator(stack: Stack) -> Any:
    return schemathesis.openapi.from_url(f"{stack.web_url}/openapi.json")


def test_every_call_is_described(description: Description) -> None:
    paths = description.document["paths"]
    assert set(paths) == {*CALLS, "/healthz", "/readyz"}
    assert all(list(paths[path]) == ["post"] for path in CALLS)


def test_it_keeps_to_openapi(generator: Any) -> None:
    generator.validate()


def test_it_is_complete_and_plain(description: Description) -> None:
    assert list(faults(description)) == []


def faults(description: Description) -> Iterator[str]:
    """Yields what a client, or a generator of clients, would miss in the document."""
    document = description.document
    text = json.dumps(document)
    yield from (f"{name} is empty" for name in ("title", "description", "license") if not document["info"].get(name))
    for kind in ("schemas", "responses", "securitySchemes"):
        for name in document["components"][kind]:
            named = f'#/components/{kind}/{name}"' if kind != "securitySchemes" else f'"{name}": []'
            yield from [f"nothing uses {name}"] * (named not in text)
    names = [operation.get("operationId") for _, _, operation in description.operations()]
    yield from (f"{name} is there twice" for name in names if names.count(name) > 1)
    for path, method, operation in description.operations():
        yield from (f"{method} {path}: {fault}" for fault in _faults_of_operation(description, operation))
    for asked, name in [(True, name) for name in _made_of(description, "requestBody")] + [
        (False, name) for name in _made_of(description, "responses")
    ]:
        schema = document["components"]["schemas"][name]
        yield from (f"{name}: {fault}" for fault in _faults_of_schema(schema, asked=asked))


def _faults_of_operation(description: Description, operation: dict[str, Any]) -> Iterator[str]:
    tags = {tag["name"] for tag in description.document["tags"] if tag.get("description")}
    if not re.fullmatch("[a-z][A-Za-z]+", operation.get("operationId", "")):
        yield "no operationId"
    if not operation.get("summary") or not set(operation["tags"]) <= tags:
        yield "no summary, or no tag that is described"
    needed = set(OF_EVERY_POST if "requestBody" in operation else OF_EVERY_CALL)
    needed |= {Code.UNAUTHENTICATED} if operation.get("security") != [] else set()
    yield from (f"{code} is missing" for code in needed - description.codes(operation))
    yield from (f"{status} is never answered" for status in operation["responses"] if status in ("default", "422"))
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for body in bodies + [description.resolve(each) for each in operation["responses"].values()]:
        for kind, content in body["content"].items():
            examples = [each["value"] for each in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            yield from ["no example"] * (not examples)
            wrong = [error for example in examples for error in description.errors(content["schema"], example)]
            yield from (f"an example of {kind} is wrong: {error}" for error in wrong)


def _faults_of_schema(schema: dict[str, Any], *, asked: bool) -> Iterator[str]:
    fields = schema["properties"]
    if schema.get("additionalProperties") is not False:
        yield "lets unknown fields pass"
    if not asked and not set(schema.get("required", [])) >= set(fields) - {"errors"}:
        yield "an answer has all its fields"
    for name, field in fields.items():
        if not {"$ref", "anyOf", "type"} & set(field) or "default" in field:
            yield f"{name} has no type, or a default, which generators take for required"
        if "pattern" in field and not PLAIN_PATTERN.fullmatch(field["pattern"]):
            yield f"the pattern of {name} does not hold in every language"
        if asked and not _bounds(field) <= set(field):
            yield f"{name} has no bound"


def _bounds(field: dict[str, Any]) -> set[str]:
    kinds = json.dumps(field.get("type", ""))
    if "enum" in field or "boolean" in kinds:
        return set()
    if "integer" in kinds:
        return {"minimum", "maximum"}
    if "string" in kinds:
        return {"maxLength"}
    if "array" in kinds:
        return {"maxItems"}
    return {"maxProperties"} if "additionalProperties" in field else set()  # words describe an object of any content


def _made_of(description: Description, part: str) -> set[str]:
    found: set[str] = set()
    waiting = [json.dumps(operation.get(part)) for _, _, operation in description.operations()]
    while waiting:
        for kind, name in re.findall(r'#/components/(schemas|responses)/([\w.-]+)"', waiting.pop()):
            if (kind, name) not in found:
                found.add((kind, name))
                waiting.append(json.dumps(description.document["components"][kind][name]))
    return {name for kind, name in found if kind == "schemas"}


def _operation(document: Any) -> Any:
    return document["paths"]["/message/v1/send"]["post"]


def _schema(document: Any, name: str) -> Any:
    return document["components"]["schemas"][name]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document["info"].pop("license"),
        lambda document: document["tags"].pop(0),
        lambda document: document["components"]["schemas"].update(Unused={"properties": {}}),
        lambda document: _operation(document).pop("operationId"),
        lambda document: _operation(document).update(operationId="getHistory"),
        lambda document: _operation(document).pop("summary"),
        lambda document: _operation(document)["responses"].pop("401"),
        lambda document: _operation(document)["responses"].pop("413"),
        lambda document: _operation(document)["responses"].update(default=_operation(document)["responses"]["413"]),
        lambda document: _operation(document)["requestBody"]["content"]["application/json"].pop("example"),
        lambda document: _operation(document)["requestBody"]["content"]["application/json"]["example"].update(
            unheard_of=1
        ),
        lambda document: _schema(document, "Message")["required"].remove("extra"),
        lambda document: _schema(document, "Message").pop("additionalProperties"),
        lambda document: _schema(document, "Send")["properties"]["content"].pop("maxLength"),
        lambda document: _schema(document, "Send")["properties"]["extra"].pop("type"),
        lambda document: _schema(document, "Send")["properties"]["message_type"].update(default=1),
        lambda document: _schema(document, "SyncRequest")["properties"]["heads"].pop("maxProperties"),
        lambda document: _schema(document, "HistoryRequest")["properties"]["limit"].pop("maximum"),
        lambda document: _schema(document, "Credentials")["properties"]["username"].update(pattern="^\\d{3}$"),
    ],
)
def test_what_is_missing_is_found(description: Description, spoil: Callable[[Any], Any]) -> None:
    document = copy.deepcopy(description.document)
    spoil(document)
    assert list(faults(Description(document)))


def test_every_call_answers_as_described(web: Web, description: Description) -> None:
    alice, bob = friends(web)
    carol, dora, eve = new_user(web), new_user(web), new_user(web)
    asked = answer(web.post("/friend/v1/request", {"to_user_id": alice.id}, carol.token))
    name, message = conversation(alice, bob), send(web, alice, bob, extra={"a": [1]}, client_msg_id="k")
    wait_until(lambda: conversations(web, bob), "the conversation to be listed")
    good: list[tuple[str, dict[str, Any], str | None]] = [
        ("/user/v1/register", {"username": f"R.{carol.username[:16]}", "password": "a long password"}, None),
        ("/user/v1/login", {"username": carol.username.upper(), "password": "a long password"}, None),
        ("/user/v1/refresh", {}, carol.refresh_token),
        ("/user/v1/me", {}, alice.token),
        ("/user/v1/update", {"nickname": "A", "avatar": "https://a.example/a.png"}, alice.token),
        ("/user/v1/search", {"keyword": bob.username}, alice.token),
        ("/friend/v1/request", {"to_user_id": dora.id, "message": "hi"}, alice.token),
        ("/friend/v1/requests", {}, alice.token),
        ("/friend/v1/handle", {"request_id": asked["request_id"], "action": "accept"}, alice.token),
        ("/friend/v1/list", {"page": 1, "limit": 50}, alice.token),
        ("/friend/v1/delete", {"user_id": carol.id}, alice.token),
        ("/friend/v1/block", {"user_id": dora.id}, alice.token),
        ("/friend/v1/blocks", {}, alice.token),
        ("/friend/v1/unblock", {"user_id": dora.id}, alice.token),
        ("/message/v1/ws/ticket", {}, alice.token),
        ("/message/v1/send", {"to_user_id": bob.id, "content": "x", "extra": None, "client_msg_id": None}, alice.token),
        ("/message/v1/history", {"conversation_id": name}, bob.token),
        ("/message/v1/conversations", {}, bob.token),
        ("/message/v1/unread", {}, bob.token),
        ("/message/v1/sync", {"heads": {}}, bob.token),
        ("/message/v1/read", {"conversation_id": name}, bob.token),
        ("/message/v1/recall", {"message_id": message["id"]}, alice.token),
        ("/message/v1/delete", {"message_id": message["id"]}, bob.token),
        ("/message/v1/sync", {"heads": {name: 0}, "changes": {name: 1}}, bob.token),
        ("/message/v1/conversation/update", {"conversation_id": name, "is_top": True}, bob.token),
        ("/user/v1/logout", {}, carol.token),
        ("/user/v1/password", {"old_password": PASSWORD, "new_password": PASSWORD}, dora.token),
        ("/user/v1/delete", {"password": PASSWORD}, eve.token),
    ]
    for path, body, token in good:
        answer(web.post(path, body, token))
    for path in ("/healthz", "/readyz"):
        answer(web.get(path))
    assert {path for path, _, _ in good} == {path for path, method, _ in description.operations() if method == "post"}


def test_every_refusal_that_is_described_happens(web: Web, strict_web: Web, description: Description) -> None:
    alice, bob = friends(web)
    carol, stranger = new_user(web), new_user(web)
    nobody = User(2**53 - 1, "nobody", _token(2**53 - 1), "")
    name, theirs = conversation(alice, bob), conversation(bob, carol)
    taken = {"username": alice.username, "password": "a long password"}
    message, deleted, late = (send(web, alice, bob, client_msg_id=key)["id"] for key in ("a", "b", "c"))
    answer(web.post("/message/v1/delete", {"message_id": deleted}, alice.token))
    asked = answer(web.post("/friend/v1/request", {"to_user_id": alice.id}, carol.token))["request_id"]
    answer(web.post("/friend/v1/handle", {"request_id": asked, "action": "reject"}, alice.token))
    unknown = 2**53 - 1
    refused: list[tuple[Web, str, dict[str, Any], User, Code]] = [
        (web, "/user/v1/register", taken, alice, Code.USERNAME_TAKEN),
        (web, "/user/v1/login", taken | {"password": "wrong"}, alice, Code.WRONG_CREDENTIALS),
        (web, "/user/v1/logout", {}, nobody, Code.FORBIDDEN),
        (web, "/user/v1/password", {"old_password": "x", "new_password": PASSWORD}, bob, Code.WRONG_CREDENTIALS),
        (web, "/user/v1/delete", {"password": "x"}, bob, Code.WRONG_CREDENTIALS),
        (web, "/user/v1/password", {"old_password": "x", "new_password": PASSWORD}, nobody, Code.NOT_FOUND),
        (web, "/user/v1/delete", {"password": "x"}, nobody, Code.NOT_FOUND),
        (web, "/user/v1/me", {}, nobody, Code.NOT_FOUND),
        (web, "/user/v1/update", {"nickname": "x"}, nobody, Code.NOT_FOUND),
        (web, "/friend/v1/request", {"to_user_id": alice.id}, alice, Code.BEFRIENDING_ONESELF),
        (web, "/friend/v1/request", {"to_user_id": unknown}, alice, Code.NOT_FOUND),
        (web, "/friend/v1/request", {"to_user_id": bob.id}, alice, Code.ALREADY_FRIENDS),
        (web, "/friend/v1/handle", {"request_id": unknown, "action": "accept"}, alice, Code.NO_SUCH_REQUEST),
        (web, "/friend/v1/handle", {"request_id": asked, "action": "accept"}, alice, Code.REQUEST_HANDLED),
        (web, "/friend/v1/block", {"user_id": unknown}, alice, Code.NOT_FOUND),
        (web, "/message/v1/send", {"to_user_id": bob.id, "content": "x", "message_type": 9}, alice, Code.MESSAGE_TYPE),
        (web, "/message/v1/send", {"to_user_id": stranger.id, "content": "x"}, alice, Code.NOT_FRIENDS),
        (web, "/message/v1/send", {"group_id": 1, "content": "x"}, alice, Code.NO_SUCH_GROUP),
        (
            web,
            "/message/v1/send",
            {"to_user_id": bob.id, "content": "x", "client_msg_id": "a"},
            alice,
            Code.CLIENT_MSG_ID_REUSED,
        ),
        (web, "/message/v1/history", {"conversation_id": theirs}, alice, Code.NO_SUCH_CONVERSATION),
        (
            web,
            "/message/v1/history",
            {"conversation_id": name, "last_message_id": unknown},
            alice,
            Code.NO_SUCH_MESSAGE,
        ),
        (web, "/message/v1/unread", {"conversation_id": theirs}, alice, Code.NO_SUCH_CONVERSATION),
        (web, "/message/v1/read", {"conversation_id": theirs}, alice, Code.NO_SUCH_CONVERSATION),
        (web, "/message/v1/read", {"message_id": unknown}, alice, Code.NO_SUCH_MESSAGE),
        (web, "/message/v1/read", {"message_id": message}, alice, Code.FORBIDDEN),
        (web, "/message/v1/recall", {"message_id": message}, stranger, Code.NO_SUCH_MESSAGE),
        (web, "/message/v1/recall", {"message_id": message}, bob, Code.FORBIDDEN),
        (web, "/message/v1/recall", {"message_id": deleted}, alice, Code.ALREADY_WITHDRAWN),
        (strict_web, "/message/v1/recall", {"message_id": late}, alice, Code.RECALL_TOO_LATE),
        (web, "/message/v1/delete", {"message_id": message}, stranger, Code.NO_SUCH_MESSAGE),
        (web, "/message/v1/delete", {"message_id": deleted}, bob, Code.ALREADY_WITHDRAWN),
        (
            web,
            "/message/v1/conversation/update",
            {"conversation_id": theirs, "is_top": True},
            alice,
            Code.NO_SUCH_CONVERSATION,
        ),
    ]
    for door, path, body, user, code in refused:
        assert door.post(path, body, user.token).json()["code"] == code, (path, body)
    told = {
        (path, code)
        for path, method, operation in description.operations()
        for code in description.codes(operation) - OF_EVERY_POST - {Code.UNAUTHENTICATED}
    }
    assert {(path, code) for _, path, _, _, code in refused} == told


def _token(user_id: int) -> str:
    """Returns a token without an id, of another issuer, for a user that the tables need not have."""
    claims = {"sub": str(user_id), "type": "access", "exp": int(time.time()) + 600}
    return jwt.encode(claims, databases.SECRET, "HS256")


def test_any_call_may_be_refused_as_described(web: Web, description: Description) -> None:
    user = new_user(web)
    for path, method, operation in description.operations():
        if method != "post":
            continue
        token = user.refresh_token if {"refresh": []} in operation.get("security", []) else user.token
        found = web.post(path, {"unheard_of": 1}, token)
        assert (found.status_code, found.json()["errors"]["unheard_of"]) == (400, ["Unknown field."]), path
        for raw in (b"{", b"[]", b"null"):
            found = web.post(path, data=raw, headers={"Content-Type": "application/json"}, token=token)
            assert (found.status_code, found.json()["code"]) == (400, 100002), path
        found = web.post(path, {"content": "x" * 300_000}, token)
        assert (found.status_code, found.json()["code"]) == (413, 104006), path
        found = web.post(path, data=b"x", headers={"Content-Type": "text/plain"}, token=token)
        assert (found.status_code, found.json()["code"]) == (415, 100013), path
        found = web.get(path, token)
        assert (found.status_code, found.json()["code"]) == (405, 100013), path
        assert "POST" in found.headers["Allow"]
        if operation.get("security") != []:
            found = web.post(path, {})
            assert (found.status_code, found.headers["WWW-Authenticate"]) == (401, "Bearer"), path


def test_a_call_without_arguments_needs_no_body(web: Web) -> None:
    user = new_user(web)
    for path in ("/message/v1/ws/ticket", "/user/v1/me", "/user/v1/logout"):
        answer(web.post(path, token=user.token))


def test_too_many_calls_are_refused_as_described(strict_web: Web, description: Description) -> None:
    path = f"{strict_web.url}/user/v1/register"
    answers = (requests.post(path, json={}, timeout=30) for _ in range(61))  # all from one address
    limited = next(found for found in answers if found.status_code == 429)
    description.check(limited)
    assert limited.json()["code"] == Code.TOO_MANY_REQUESTS
    assert int(limited.headers["Retry-After"]) >= 1


def test_every_example_can_be_sent_as_it_is(web: Web, description: Description) -> None:
    user = new_user(web)
    for path, method, operation in sorted(
        description.operations(), key=lambda found: found[2]["operationId"] == "logOut"
    ):
        if method == "post" and operation.get("security") != [{"refresh": []}]:
            body = operation["requestBody"]["content"]["application/json"]["example"]
            assert web.post(path, body, user.token).status_code not in (400, 413, 415), path


@pytest.mark.parametrize("username", ["ab", "a" * 33, "alice\n", "\nalice", "al ice", "\u212aate", "alicé", 5, None])
def test_a_name_that_the_description_forbids_is_refused(web: Web, description: Description, username: Any) -> None:
    body = {"username": username, "password": "a long password"}
    assert description.errors({"$ref": "#/components/schemas/Registration"}, body)
    assert "username" in web.post("/user/v1/register", body).json()["errors"]


def test_the_protocol_is_where_the_description_says(web: Web, description: Description) -> None:
    assert "](/protocol.md)" in description.document["info"]["description"]
    found = web.get("/protocol.md")
    assert (found.status_code, found.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert found.text == (ROOT / "docs/protocol.md").read_text()


@pytest.mark.parametrize("path", CALLS)
def test_no_body_makes_it_stumble(web: Web, generator: Any, path: str) -> None:
    token = new_user(web).token

    @given(case=generator[path]["POST"].as_strategy())
    @settings(max_examples=15, deadline=None, phases=[Phase.generate], derandomize=True)
    def send(case: Case) -> None:
        found = web.post(path, case.body if isinstance(case.body, dict) else {}, token)
        assert found.status_code < 500, found.text

    send()
