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
from tests.people import (
    User,
    Web,
    answer,
    befriend,
    conversation,
    conversations,
    friends,
    history,
    new_group,
    new_user,
    send,
    upload,
)
from tests.processes import ROOT, wait_until
from tests.stack import Stack
from tests.uploads import Uploads

PASSWORD = "a long password"  # of every new user
AREAS = {
    "message": "send forward history conversations read receipts recall delete unread sync conversation/update "
    "ws/ticket",
    "user": "register login refresh logout password delete me update search",
    "friend": "request handle requests list delete block unblock blocks",
    "group": "create info update invite join requests handle remove leave role mute transfer dissolve member/update "
    "members mine",
    "media": "url",
}
READS = ["/media/v1/{media_id}", "/media/v1/{media_id}/thumbnail"]
FORMS = ["/media/v1/upload"]
CALLS = [f"/{area}/v1/{name}" for area, names in AREAS.items() for name in names.split()]
MAY_LACK = {  # of answers: the fields that are not always there
    "NotForwarded": {"to_user_id", "group_id"},
    "Reply": {"seq", "from_user_id", "message_type", "content"},
}
OF_EVERY_CALL = {Code.TOO_MANY_REQUESTS, Code.INTERNAL}
OF_EVERY_POST = {Code.INVALID, Code.TOO_LARGE, Code.UNSUPPORTED, Code.UNAVAILABLE} | OF_EVERY_CALL
# Anchors, literals, plain classes, groups and quantifiers mean the same in every language.
PLAIN_PATTERN = re.compile(r"\^(\[[^\[\]\\^]+\]|[A-Za-z0-9_]|[()]|[?*+]|\{[0-9]+(,[0-9]*)?\})+\$")


@pytest.fixture(scope="module")
def generator(stack: Stack) -> Any:
    return schemathesis.openapi.from_url(f"{stack.web_url}/openapi.json")


def test_every_call_is_described(description: Description) -> None:
    paths = description.document["paths"]
    assert set(paths) == {*CALLS, *FORMS, *READS, "/healthz", "/readyz"}
    assert all(list(paths[path]) == ["post"] for path in CALLS + FORMS)
    assert all(list(paths[path]) == ["get"] for path in READS)


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
        may_lack = MAY_LACK.get(name, {"errors"})
        yield from (f"{name}: {fault}" for fault in _faults_of_schema(schema, asked=asked, may_lack=may_lack))


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
    answers = {status: description.resolve(each) for status, each in operation["responses"].items()}
    yield from (
        f"{status} says nothing" for status in answers.keys() - {"302", "304"} if "content" not in answers[status]
    )
    for body in bodies + [each for each in answers.values() if "content" in each]:
        for kind, content in body["content"].items():
            if kind == "*/*":
                continue  # bytes
            examples = [each["value"] for each in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            yield from ["no example"] * (not examples)
            wrong = [error for example in examples for error in description.errors(content["schema"], example)]
            yield from (f"an example of {kind} is wrong: {error}" for error in wrong)


def _faults_of_schema(schema: dict[str, Any], *, asked: bool, may_lack: set[str]) -> Iterator[str]:
    fields = schema["properties"]
    if schema.get("additionalProperties") is not False:
        yield "lets unknown fields pass"
    if not asked and not set(schema.get("required", [])) >= set(fields) - may_lack:
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


def test_every_call_answers_as_described(web: Web, stack: Stack, description: Description) -> None:
    alice, bob = friends(web)
    media_id = Uploads(stack.database_url, stack.media_settings).add(alice.id, b"bytes", thumbnail=b"fewer")
    carol, dora, eve = new_user(web), new_user(web), new_user(web)
    asked = answer(web.post("/friend/v1/request", {"to_user_id": alice.id}, carol.token))
    name, message = conversation(alice, bob), send(web, alice, bob, extra={"a": [1]}, client_msg_id="k")
    to = [{"to_user_id": bob.id}, {"to_user_id": eve.id}, {"group_id": 10**9}]
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
        ("/message/v1/forward", {"message_ids": [message["id"]], "to": to}, alice.token),
        ("/message/v1/history", {"conversation_id": name}, bob.token),
        ("/message/v1/conversations", {}, bob.token),
        ("/message/v1/unread", {}, bob.token),
        ("/message/v1/sync", {"heads": {}}, bob.token),
        ("/message/v1/read", {"conversation_id": name}, bob.token),
        ("/message/v1/recall", {"message_id": message["id"]}, alice.token),
        ("/message/v1/delete", {"message_id": message["id"]}, bob.token),
        ("/message/v1/sync", {"heads": {name: 0}, "changes": {name: 1}}, bob.token),
        ("/message/v1/conversation/update", {"conversation_id": name, "is_top": True}, bob.token),
        ("/media/v1/url", {"media_id": media_id}, alice.token),
        ("/user/v1/logout", {}, carol.token),
        ("/user/v1/password", {"old_password": PASSWORD, "new_password": PASSWORD}, dora.token),
        ("/user/v1/delete", {"password": PASSWORD}, eve.token),
    ]
    good += good_calls_of_groups(web)
    for path, body, token in good:
        answer(web.post(path, body, token))
    for path in ("/healthz", "/readyz"):
        answer(web.get(path))
    assert [web.get(path.format(media_id=media_id), alice.token).content for path in READS] == [b"bytes", b"fewer"]
    assert upload(web, alice, b"bytes", "file")["size"] == 5
    posts = {path for path, method, _ in description.operations() if method == "post"}
    assert {path for path, _, _ in good} | set(FORMS) == posts


def test_a_reply_is_described_whether_its_original_is_there_or_not(web: Web) -> None:
    alice, bob = friends(web)
    original = send(web, alice, bob)
    reply = send(web, bob, alice, extra={"reply_to": original["id"]})
    assert reply["reply"]["content"] == original["content"]
    answer(web.post("/message/v1/recall", {"message_id": original["id"]}, alice.token))
    assert history(web, alice, conversation(alice, bob))[-1]["reply"] == {"id": original["id"], "status": 4}


def good_calls_of_groups(web: Web) -> list[tuple[str, dict[str, Any], str | None]]:
    """Returns calls of groups, with their tokens, that answer 200 one after the other."""
    owner, member = friends(web)
    friend, asking, joining = new_user(web), new_user(web), new_user(web)
    befriend(web, owner, friend)
    group = new_group(web, owner, member, join_approval=True)
    named = {"group_id": group["id"]}
    message = answer(web.post("/message/v1/send", named | {"content": "hello"}, member.token))["message"]
    asked = answer(web.post("/group/v1/join", named, asking.token))["request_id"]
    return [
        ("/group/v1/create", {"name": "G", "member_ids": [member.id, asking.id], "mute_all": True}, owner.token),
        ("/group/v1/info", named, joining.token),
        ("/group/v1/update", named | {"notice": "new", "join_approval": False}, owner.token),
        ("/group/v1/requests", named, owner.token),
        ("/group/v1/handle", {"request_id": asked, "action": "accept"}, owner.token),
        ("/group/v1/invite", named | {"user_ids": [friend.id, member.id]}, owner.token),
        ("/group/v1/join", named | {"message": "hi"}, joining.token),
        ("/group/v1/role", named | {"user_id": member.id, "role": 2}, owner.token),
        ("/group/v1/mute", named | {"user_ids": [friend.id, owner.id], "seconds": 60}, member.token),
        ("/group/v1/members", named, friend.token),
        ("/group/v1/member/update", named | {"nickname": "Fee"}, friend.token),
        ("/group/v1/remove", named | {"user_ids": [friend.id, friend.id + 10**9]}, owner.token),
        ("/message/v1/receipts", {"message_id": message["id"]}, owner.token),
        ("/message/v1/conversations", {}, friend.token),
        ("/message/v1/sync", {"heads": {}}, owner.token),
        ("/group/v1/transfer", named | {"user_id": member.id}, owner.token),
        ("/group/v1/leave", named, owner.token),
        ("/group/v1/mine", {}, member.token),
        ("/group/v1/dissolve", named, member.token),
    ]


def test_every_refusal_that_is_described_happens(
    web: Web, described_unlimited_web: Web, strict_web: Web, description: Description
) -> None:
    alice, bob = friends(web)
    carol, stranger = new_user(web), new_user(web)
    nobody = User(2**53 - 1, "nobody", _token(2**53 - 1), "")
    name, theirs = conversation(alice, bob), conversation(bob, carol)
    taken = {"username": alice.username, "password": "a long password"}
    message, deleted, late = (send(web, alice, bob, client_msg_id=key)["id"] for key in ("a", "b", "c"))
    answer(web.post("/message/v1/delete", {"message_id": deleted}, alice.token))
    asked = answer(web.post("/friend/v1/request", {"to_user_id": alice.id}, carol.token))["request_id"]
    answer(web.post("/friend/v1/handle", {"request_id": asked, "action": "reject"}, alice.token))
    unknown, media = 2**53 - 1, {"media_id": "0" * 32}
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
        (web, "/message/v1/send", {"group_id": unknown, "content": "x"}, alice, Code.NO_SUCH_GROUP),
        (
            web,
            "/message/v1/send",
            {"to_user_id": bob.id, "content": "x", "extra": {"reply_to": unknown}},
            alice,
            Code.NO_SUCH_MESSAGE,
        ),
        (web, "/message/v1/send", {"to_user_id": bob.id, "message_type": 2, "extra": media}, alice, Code.NO_SUCH_MEDIA),
        (
            web,
            "/message/v1/send",
            {"to_user_id": bob.id, "content": "x", "client_msg_id": "a"},
            alice,
            Code.CLIENT_MSG_ID_REUSED,
        ),
        (web, "/media/v1/url", {"media_id": "0" * 32}, alice, Code.NO_SUCH_MEDIA),
        (
            web,
            "/message/v1/forward",
            {"message_ids": [unknown], "to": [{"to_user_id": bob.id}]},
            alice,
            Code.NO_SUCH_MESSAGE,
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
    free = described_unlimited_web
    refused += [(free, *each) for each in refused_calls_of_groups(free, strict_web)]
    for door, path, body, user, code in refused:
        assert door.post(path, body, user.token).json()["code"] == code, (path, body)
    for path in READS:
        assert web.get(path.format(media_id="0" * 32), stranger.token).json()["code"] == Code.NO_SUCH_MEDIA
    too_large = web.post(*FORMS, token=alice.token, data={"kind": "voice"}, files={"file": bytes(2 * 1024**2 + 1)})
    no_kind = web.post(*FORMS, token=alice.token, data={"kind": "image"}, files={"file": b"<svg/>"})
    uploads = {(*FORMS, Code(found.json()["code"])) for found in (too_large, no_kind)}
    told = {
        (path, code)
        for path, method, operation in description.operations()
        for code in description.codes(operation) - OF_EVERY_POST - {Code.UNAUTHENTICATED}
    }
    happened = {(path, code) for _, path, _, _, code in refused} | {(path, Code.NO_SUCH_MEDIA) for path in READS}
    assert happened | uploads == told
    assert {code for _, code in told} >= {code for code in Code if 103000 < code < 104000}


# Each call about a group, with what it needs besides, and whether it is one that a dissolved group refuses.
OF_GROUPS: dict[str, tuple[dict[str, Any], bool]] = {
    "update": ({"notice": "x"}, True),
    "invite": ({"user_ids": [1]}, True),
    "requests": ({}, False),
    "remove": ({"user_ids": [1]}, True),
    "leave": ({}, False),
    "role": ({"user_id": 1, "role": 2}, True),
    "mute": ({"user_ids": [1], "seconds": 0}, True),
    "transfer": ({"user_id": 1}, True),
    "dissolve": ({}, True),
    "member/update": ({"nickname": ""}, True),
    "members": ({}, False),
}


def refused_calls_of_groups(web: Web, strict_web: Web) -> list[tuple[str, dict[str, Any], User, Code]]:
    """Returns calls that concern groups, each with its user and the code that refuses it."""
    owner, member = friends(web)
    gone, asking, stranger = (new_user(web) for _ in range(3))
    befriend(web, owner, gone)
    open_to_all = {"group_id": new_group(web, owner, member, gone, allow_invite=False, join_approval=True)["id"]}
    hidden = {"group_id": new_group(web, owner, gone, join_approval=True)["id"]}
    ended = {"group_id": new_group(web, owner, member, join_approval=True)["id"]}
    full = {"group_id": new_group(strict_web, owner, member, join_approval=True)["id"]}
    said = answer(web.post("/message/v1/send", open_to_all | {"content": "x"}, owner.token))["message"]["id"]
    (created,) = (each["id"] for each in history(web, owner, f"group_{open_to_all['group_id']}", before_seq=2))
    answer(web.post("/group/v1/mute", open_to_all | {"user_ids": [member.id], "seconds": 600}, owner.token))
    waiting = {}
    for named in (open_to_all, hidden, ended, full):
        found = answer(web.post("/group/v1/join", named, asking.token))
        waiting[named["group_id"]] = {"request_id": found["request_id"], "action": "accept"}
    answered = waiting[open_to_all["group_id"]]
    answer(web.post("/group/v1/handle", answered | {"action": "reject"}, owner.token))
    answer(web.post("/group/v1/update", hidden | {"is_private": True}, owner.token))
    answer(web.post("/group/v1/update", full | {"join_approval": False}, owner.token))
    answer(web.post("/group/v1/dissolve", ended, owner.token))
    for named in (open_to_all, hidden):
        answer(web.post("/group/v1/leave", named, gone.token))
    nobody, left = {"request_id": 2**53 - 1, "action": "accept"}, f"group_{hidden['group_id']}"
    return [
        *((f"/group/v1/{call}", hidden | more, stranger, Code.NO_SUCH_GROUP) for call, (more, _) in OF_GROUPS.items()),
        *(
            (f"/group/v1/{call}", open_to_all | more, stranger, Code.ROLE_TOO_LOW)
            for call, (more, _) in OF_GROUPS.items()
        ),
        *(
            (f"/group/v1/{call}", ended | more, owner, Code.GROUP_DISSOLVED)
            for call, (more, changes) in OF_GROUPS.items()
            if changes
        ),
        *((f"/group/v1/{call}", hidden, stranger, Code.NO_SUCH_GROUP) for call in ("info", "join")),
        *((f"/group/v1/{call}", hidden, gone, Code.ROLE_TOO_LOW) for call in ("info", "join")),
        ("/group/v1/create", {"name": "x" * 101}, owner, Code.GROUP_NAME_TOO_LONG),
        ("/group/v1/create", {"name": "x", "description": "x" * 501}, owner, Code.GROUP_DESCRIPTION_TOO_LONG),
        ("/group/v1/update", open_to_all | {"name": "x" * 101}, owner, Code.GROUP_NAME_TOO_LONG),
        ("/group/v1/update", open_to_all | {"description": "x" * 501}, owner, Code.GROUP_DESCRIPTION_TOO_LONG),
        ("/group/v1/invite", open_to_all | {"user_ids": [1]}, member, Code.INVITING_NOT_ALLOWED),
        ("/group/v1/join", ended, stranger, Code.GROUP_DISSOLVED),
        ("/group/v1/join", full, stranger, Code.GROUP_FULL),
        ("/group/v1/join", open_to_all, member, Code.ALREADY_A_MEMBER),
        ("/group/v1/leave", open_to_all, owner, Code.OWNER_CANNOT_LEAVE),
        ("/group/v1/role", open_to_all | {"user_id": stranger.id, "role": 2}, owner, Code.NOT_A_MEMBER),
        ("/group/v1/transfer", open_to_all | {"user_id": stranger.id}, owner, Code.NOT_A_MEMBER),
        ("/group/v1/handle", nobody, owner, Code.NO_SUCH_REQUEST),
        ("/group/v1/handle", answered, owner, Code.REQUEST_HANDLED),
        ("/group/v1/handle", answered, member, Code.ROLE_TOO_LOW),
        ("/group/v1/handle", waiting[hidden["group_id"]], stranger, Code.NO_SUCH_REQUEST),
        ("/group/v1/handle", waiting[ended["group_id"]], owner, Code.GROUP_DISSOLVED),
        ("/group/v1/handle", waiting[full["group_id"]], owner, Code.GROUP_FULL),
        (
            "/message/v1/forward",
            {"message_ids": [created], "to": [{"to_user_id": member.id}]},
            owner,
            Code.MESSAGE_TYPE,
        ),
        ("/message/v1/send", ended | {"content": "x"}, owner, Code.GROUP_DISSOLVED),
        ("/message/v1/send", open_to_all | {"content": "x"}, gone, Code.ROLE_TOO_LOW),
        ("/message/v1/send", open_to_all | {"content": "x"}, member, Code.MUTED),
        ("/message/v1/recall", {"message_id": said}, gone, Code.ROLE_TOO_LOW),
        ("/message/v1/delete", {"message_id": said}, gone, Code.ROLE_TOO_LOW),
        ("/message/v1/delete", {"message_id": said}, member, Code.FORBIDDEN),
        ("/message/v1/conversation/update", {"conversation_id": left, "is_top": True}, gone, Code.ROLE_TOO_LOW),
        ("/message/v1/receipts", {"message_id": said}, gone, Code.ROLE_TOO_LOW),
        ("/message/v1/receipts", {"message_id": said}, stranger, Code.NO_SUCH_MESSAGE),
    ]


def _token(user_id: int) -> str:
    """Returns a token without an id, of another issuer, for a user that the tables need not have."""
    claims = {"sub": str(user_id), "type": "access", "exp": int(time.time()) + 600}
    return jwt.encode(claims, databases.SECRET, "HS256")


def test_any_call_may_be_refused_as_described(web: Web, description: Description) -> None:
    user = new_user(web)
    for path, method, operation in description.operations():
        if method != "post" or path in FORMS:
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


@pytest.mark.parametrize("path", FORMS)
def test_any_form_may_be_refused_as_described(web: Web, path: str) -> None:
    token = new_user(web).token
    found = web.post(path, token=token, files={"unheard_of": b"1"})
    assert (found.status_code, found.json()["errors"]) == (400, {"unheard_of": ["Unknown field."]})
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    for raw in (b"", b"{}", b"--b", b"--b\r\n\r\n"):
        found = web.post(path, data=raw, headers=form, token=token)
        assert (found.status_code, found.json()["code"]) == (400, 100002), raw
    found = web.post(path, data=b"x" * 10_000, headers=form, token=token)
    assert (found.status_code, found.json()["code"]) == (413, 104006)
    found = web.post(path, {}, token)
    assert (found.status_code, found.json()["code"]) == (415, 100013)
    found = web.get(path, token)
    assert (found.status_code, found.json()["code"]) == (405, 100013)
    assert set(found.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    found = web.post(path, files={"file": b"x"})
    assert (found.status_code, found.headers["WWW-Authenticate"]) == (401, "Bearer")


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
        if method == "post" and path not in FORMS and operation.get("security") != [{"refresh": []}]:
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
