"""Tests of POST /message/v1/send, through the real process."""

from typing import Any

import pytest
import requests

from tests.messaging.uploads import upload_into
from tests.people import User, Web, answer, befriend, conversation, friends, history, new_user, send
from tests.stack import Stack

PATH = "/message/v1/send"


@pytest.fixture(scope="module")
def pair(stack: Any) -> tuple[User, User]:
    return friends(Web(stack.web_url))


def assert_refused(response: requests.Response, status: int, code: int) -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["code"], body["status"]) == (status, code, status), body
    assert response.headers["Content-Type"] == "application/problem+json"
    return body


def test_a_message_is_answered_whole(web: Web) -> None:
    alice, bob = friends(web)
    body = {"to_user_id": bob.id, "content": "hello", "extra": {"b": 1, "a": [None, 1.5]}, "client_msg_id": "k"}
    found = answer(web.post(PATH, body, alice.token))
    message = found["message"]
    times = {message.pop("create_time"), message.pop("update_time")}
    assert len(times) == 1
    assert message.pop("id") > 0
    assert found["duplicate"] is False
    assert message == {
        "conversation_id": conversation(alice, bob),
        "seq": 1,
        "change_seq": 1,
        "from_user_id": alice.id,
        "to_user_id": bob.id,
        "message_type": 1,
        "content": "hello",
        "extra": {"b": 1, "a": [None, 1.5]},
        "status": 1,
        "client_msg_id": "k",
        "reply": None,
    }


@pytest.mark.parametrize(
    "content",
    [
        "a\x00b",
        "👩‍👩‍👧 \U0001f600",
        "'; DROP TABLE im_message; --",
        "<b>&amp;</b>",
        "\r\n\t  ",
        "x" * 5_000,
        "😀" * 5_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_content_is_kept_verbatim(web: Web, pair: tuple[User, User], content: str) -> None:
    message = send(web, *pair, content)
    assert message["content"] == content
    assert history(web, pair[1], message["conversation_id"], limit=1)[0]["content"] == content


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content": None}, "content"),
        ({"content": 5}, "content"),
        ({"content": ""}, "content"),
        ({"content": ["x"]}, "content"),
        ({"to_user_id": "2"}, "to_user_id"),
        ({"to_user_id": 0}, "to_user_id"),
        ({"to_user_id": -1}, "to_user_id"),
        ({"to_user_id": 1.5}, "to_user_id"),
        ({"to_user_id": True}, "to_user_id"),
        ({"to_user_id": 2**63}, "to_user_id"),
        ({"to_user_id": 2**53}, "to_user_id"),
        ({"to_user_id": None}, "to_user_id"),
        ({"message_type": "1"}, "message_type"),
        ({"message_type": 1.0}, "message_type"),
        ({"message_type": None}, "message_type"),
        ({"extra": "text"}, "extra"),
        ({"extra": [1]}, "extra"),
        ({"client_msg_id": ""}, "client_msg_id"),
        ({"client_msg_id": "x" * 65}, "client_msg_id"),
        ({"client_msg_id": "é"}, "client_msg_id"),
        ({"client_msg_id": "a\n"}, "client_msg_id"),
        ({"client_msg_id": 7}, "client_msg_id"),
        ({"group_id": 5}, "to_user_id"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"from_user_id": 1}, "from_user_id"),
    ],
    ids=str,
)
def test_a_bad_field_is_named(web: Web, pair: tuple[User, User], changes: dict[str, Any], field: str) -> None:
    body = {"to_user_id": pair[1].id, "content": "hello"} | changes
    assert field in assert_refused(web.post(PATH, body, pair[0].token), 400, 100002)["errors"]


@pytest.mark.parametrize("missing", ["content", "to_user_id"])
def test_a_missing_field_is_named(web: Web, pair: tuple[User, User], missing: str) -> None:
    body = {"to_user_id": pair[1].id, "content": "hello"}
    del body[missing]
    assert missing in assert_refused(web.post(PATH, body, pair[0].token), 400, 100002)["errors"]


@pytest.mark.parametrize(
    "raw",
    [b"{", b"", b"null", b"[]", b'"x"', b'{"content": NaN}', b'{"content": "\\ud800"}', b"\xff\xfe", b"[" * 100_000],
    ids=lambda raw: repr(raw[:20]),
)
def test_a_body_that_is_no_json_object_is_refused(web: Web, pair: tuple[User, User], raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert_refused(web.post(PATH, data=raw, headers=headers, token=pair[0].token), 400, 100002)


def test_another_content_type_is_refused(web: Web, pair: tuple[User, User]) -> None:
    assert_refused(web.post(PATH, data={"content": "x"}, token=pair[0].token), 415, 100013)


@pytest.mark.parametrize(
    "changes",
    [{"content": "x" * 5_001}, {"extra": {"k": "x" * 8_192}}, {"content": "x" * 300_000}],
    ids=lambda c: list(c),
)
def test_too_much_is_refused(web: Web, pair: tuple[User, User], changes: dict[str, Any]) -> None:
    body = {"to_user_id": pair[1].id, "content": "x"} | changes
    assert_refused(web.post(PATH, body, pair[0].token), 413, 104006)


@pytest.mark.parametrize("message_type", [0, 6, -1, 255])
def test_a_type_that_may_not_be_sent_is_refused(web: Web, pair: tuple[User, User], message_type: int) -> None:
    body = {"to_user_id": pair[1].id, "content": "x", "message_type": message_type}
    assert_refused(web.post(PATH, body, pair[0].token), 400, 104007)


MEASURED = {
    2: {"width": 3, "height": 4},
    3: {"duration": 1.5},
    4: {"width": 3, "height": 4, "duration": 1.5},
    5: {"name": "a.txt", "size": 9},
}


@pytest.mark.parametrize("message_type", [1, 2, 3, 4, 5])
def test_every_type_of_the_contract_may_be_sent(
    stack: Stack, web: Web, pair: tuple[User, User], message_type: int
) -> None:
    assert send(web, *pair)["message_type"] == 1
    if message_type == 1:
        return
    columns = {"width": 3, "height": 4, "duration": 1_500} if message_type < 5 else {}
    media_id = upload_into(stack.database_url, pair[0].id, message_type, size=9, **columns)
    named = {"media_id": media_id} | ({"name": "a.txt"} if message_type == 5 else {})
    body = {"to_user_id": pair[1].id, "message_type": message_type, "extra": named, "client_msg_id": media_id}
    message = answer(web.post(PATH, body, pair[0].token))["message"]
    assert (message["message_type"], message["content"]) == (message_type, "")
    assert message["extra"] == {"media_id": media_id} | MEASURED[message_type]
    assert history(web, pair[1], message["conversation_id"], limit=1) == [message]
    again = answer(web.post(PATH, body, pair[0].token))
    assert (again["message"], again["duplicate"]) == (message, True)


@pytest.mark.parametrize(
    ("message_type", "extra"),
    [
        *((each, None) for each in (2, 3, 4, 5)),
        (2, {"media_id": "../../etc/passwd"}),
        (2, {"url": "https://a.example/x.png"}),
        (5, {"media_id": "0" * 32, "name": "../x"}),
        (5, {"media_id": "0" * 32, "name": "a\x00.png"}),
        (1, {"forwarded_from": {"user_id": 1, "message_id": 1}}),
        (1, {"reply_to": "1"}),
    ],
    ids=str,
)
def test_an_extra_that_its_type_does_not_have_is_refused(
    web: Web, pair: tuple[User, User], message_type: int, extra: Any
) -> None:
    body = {"to_user_id": pair[1].id, "content": "x", "message_type": message_type, "extra": extra}
    assert "extra" in assert_refused(web.post(PATH, body, pair[0].token), 400, 100002)["errors"]


def test_anothers_upload_and_none_are_answered_alike(stack: Stack, web: Web, pair: tuple[User, User]) -> None:
    theirs = upload_into(stack.database_url, pair[1].id)
    body = {"to_user_id": pair[1].id, "message_type": 2}
    answers = [web.post(PATH, body | {"extra": {"media_id": each}}, pair[0].token) for each in (theirs, "0" * 32)]
    assert answers[0].content == answers[1].content
    assert_refused(answers[0], 404, 105001)


def test_an_upload_of_another_kind_is_refused(stack: Stack, web: Web, pair: tuple[User, User]) -> None:
    named = {"media_id": upload_into(stack.database_url, pair[0].id, 3)}
    body = {"to_user_id": pair[1].id, "message_type": 2, "extra": named}
    assert "extra" in assert_refused(web.post(PATH, body, pair[0].token), 400, 100002)["errors"]


def test_sending_to_oneself_is_refused(web: Web, pair: tuple[User, User]) -> None:
    assert_refused(web.post(PATH, {"to_user_id": pair[0].id, "content": "x"}, pair[0].token), 400, 100002)


def test_a_stranger_a_blocked_friend_and_nobody_are_answered_alike(web: Web) -> None:
    alice, bob = friends(web)
    blocked, stranger = new_user(web), new_user(web)
    befriend(web, alice, blocked)
    answer(web.post("/friend/v1/block", {"user_id": alice.id}, blocked.token))
    answers = [
        web.post(PATH, {"to_user_id": target, "content": "x"}, alice.token).content
        for target in (stranger.id, blocked.id, 2**53 - 1)
    ]
    assert answers[0] == answers[1] == answers[2]
    assert_refused(web.post(PATH, {"to_user_id": stranger.id, "content": "x"}, alice.token), 403, 101007)
    assert send(web, alice, bob)["seq"] == 1


def test_a_refused_message_takes_no_seq(web: Web) -> None:
    alice, bob = friends(web)
    answer(web.post("/friend/v1/block", {"user_id": bob.id}, alice.token))
    assert web.post(PATH, {"to_user_id": bob.id, "content": "x"}, alice.token).status_code == 403
    answer(web.post("/friend/v1/unblock", {"user_id": bob.id}, alice.token))
    assert send(web, alice, bob)["seq"] == 1


def test_a_repeat_is_answered_although_they_are_friends_no_more(web: Web) -> None:
    alice, bob = friends(web)
    body = {"to_user_id": bob.id, "content": "x", "client_msg_id": "k"}
    first = answer(web.post(PATH, body, alice.token))["message"]
    answer(web.post("/friend/v1/delete", {"user_id": bob.id}, alice.token))
    again = answer(web.post(PATH, body, alice.token))
    assert (again["duplicate"], again["message"]) == (True, first)
    assert_refused(web.post(PATH, body | {"client_msg_id": "other"}, alice.token), 403, 101007)


def test_a_key_used_with_another_body_is_refused(web: Web) -> None:
    alice, bob = friends(web)
    send(web, alice, bob, "one", client_msg_id="k")
    body = {"to_user_id": bob.id, "content": "two", "client_msg_id": "k"}
    assert_refused(web.post(PATH, body, alice.token), 409, 100015)
    assert send(web, alice, bob, "two", client_msg_id="K")["seq"] == 2, "case matters"


def test_a_group_that_does_not_exist_is_not_found(web: Web, pair: tuple[User, User]) -> None:
    assert_refused(web.post(PATH, {"group_id": 2**53 - 1, "content": "x"}, pair[0].token), 404, 103001)
