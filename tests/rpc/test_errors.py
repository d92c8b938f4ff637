"""Tests of every error of the contract, with its status and its im-code."""

from typing import Any

import grpc
import pytest
from sqlalchemy import create_engine, text

from messaging.errors import Code, Refused
from rpc.errors import refusal
from tests.people import User, Web, answer, befriend, conversation, friends, new_user, send
from tests.rpc.client import Client, refused
from tests.rpc.conftest import MakeDoor
from tests.stack import SERVICE_TOKEN, Stack

INVALID = ("INVALID_ARGUMENT", "100002")


@pytest.fixture(scope="module")
def pair(stack: Stack) -> tuple[User, User]:
    return friends(Web(stack.web_url))


def sending(service: Client, pair: tuple[User, User], **fields: Any) -> tuple[str, str]:
    given = {"from_user_id": pair[0].id, "to_user_id": pair[1].id, "content": "x"} | fields
    return refused(service.start("SendMessage", **given))


@pytest.mark.parametrize(
    "fields",
    [
        {"content": ""},
        {"from_user_id": 0},
        {"from_user_id": -1},
        {"from_user_id": 2**53},
        {"to_user_id": 0},
        {"to_user_id": -1},
        {"to_user_id": 2**63 - 1},
        {"group_id": 5},
        {"client_msg_id": "x" * 65},
        {"client_msg_id": "ключ"},
        {"extra": "{"},
        {"extra": "[]"},
        {"extra": "1"},
        {"extra": '"x"'},
        {"extra": "[" * 5_000},
    ],
    ids=str,
)
def test_a_bad_field_of_a_send(service: Client, pair: tuple[User, User], fields: dict[str, Any]) -> None:
    assert sending(service, pair, **fields) == INVALID


def test_sending_to_oneself(service: Client, pair: tuple[User, User]) -> None:
    assert sending(service, pair, to_user_id=pair[0].id) == INVALID


@pytest.mark.parametrize("message_type", [-1, 6, 2**31 - 1])
def test_a_type_that_may_not_be_sent(service: Client, pair: tuple[User, User], message_type: int) -> None:
    assert sending(service, pair, message_type=message_type) == ("INVALID_ARGUMENT", "104007")


@pytest.mark.parametrize("fields", [{"content": "x" * 5_001}, {"extra": '{"k": "%s"}' % ("x" * 8_192)}], ids=list)
def test_too_much(service: Client, pair: tuple[User, User], fields: dict[str, Any]) -> None:
    assert sending(service, pair, **fields) == ("INVALID_ARGUMENT", "104006")


def test_a_stranger_and_a_group(service: Client, web: Web, pair: tuple[User, User]) -> None:
    assert sending(service, pair, to_user_id=new_user(web).id) == ("PERMISSION_DENIED", "101007")
    assert sending(service, pair, to_user_id=0, group_id=2**50) == ("NOT_FOUND", "103001")


def test_a_blocked_friend(service: Client, web: Web) -> None:
    alice, bob = friends(web)
    answer(web.post("/friend/v1/block", {"user_id": alice.id}, bob.token))
    assert sending(service, (alice, bob)) == ("PERMISSION_DENIED", "101007")


def test_a_key_with_another_body(service: Client, web: Web) -> None:
    pair = friends(web)
    send(web, *pair, content="one", client_msg_id="k")
    assert sending(service, pair, content="two", client_msg_id="k") == ("ALREADY_EXISTS", "100015")


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GetChatHistory", {"conversation_id": "1_2"}),
        ("GetChatHistory", {"user_id": 1}),
        ("GetChatHistory", {"user_id": 1, "conversation_id": "1_2", "limit": 101}),
        ("GetChatHistory", {"user_id": 1, "conversation_id": "1_2", "limit": -1}),
        ("GetChatHistory", {"user_id": 1, "conversation_id": "1_2", "before_seq": 1, "after_seq": 1}),
        ("GetConversations", {}),
        ("GetConversations", {"user_id": 1, "page": -1}),
        ("GetConversations", {"user_id": 1, "limit": 51}),
        ("MarkAsRead", {"user_id": 1}),
        ("MarkAsRead", {"conversation_id": "1_2"}),
        ("DeleteMessage", {"user_id": 1}),
        ("DeleteMessage", {"user_id": 1, "message_id": 1, "scope": "nobody"}),
        ("RecallMessage", {"user_id": 1}),
        ("RecallMessage", {"message_id": 1}),
        ("GetUnreadCount", {}),
        ("GetUnreadCount", {"user_id": 1, "conversation_id": "x" * 65}),
        ("PushMessage", {"user_id": 1}),
        ("PushMessage", {"message": {"content": "x"}}),
        ("PushMessage", {"user_id": 1, "message": {"content": "x" * 5_001}}),
        ("PushMessage", {"user_id": 1, "message": {"extra": "{"}}),
    ],
    ids=str,
)
def test_bad_fields(service: Client, method: str, fields: dict[str, Any]) -> None:
    assert refused(service.start(method, **fields)) == INVALID


@pytest.mark.parametrize("raw", [b"\xff", b"\x08", b"\x22\x02\xff\xfe", b"\x0a" + b"\xff" * 20], ids=repr)
def test_what_is_no_protobuf(service: Client, raw: bytes) -> None:
    assert refused(service.raw("/message.Message/SendMessage", raw)) == INVALID


def test_what_is_not_there(service: Client, web: Web, pair: tuple[User, User]) -> None:
    message, stranger = send(web, *pair), new_user(web)
    for method in ("DeleteMessage", "RecallMessage", "MarkAsRead"):
        for user, message_id in ((stranger.id, message["id"]), (pair[0].id, 2**50)):
            asked = service.start(method, user_id=user, message_id=message_id)
            assert refused(asked) == ("NOT_FOUND", "104001"), method
    for method in ("GetChatHistory", "GetUnreadCount", "MarkAsRead"):
        for name in (conversation(*pair), "2_1", "nonsense"):
            asked = service.start(method, user_id=stranger.id, conversation_id=name)
            assert refused(asked) == ("NOT_FOUND", "104005"), method


def test_what_one_may_see_and_not_do(service: Client, web: Web, pair: tuple[User, User]) -> None:
    message = send(web, *pair)
    forbidden = ("PERMISSION_DENIED", "100009")
    assert refused(service.start("RecallMessage", user_id=pair[1].id, message_id=message["id"])) == forbidden
    assert refused(service.start("MarkAsRead", user_id=pair[0].id, message_id=message["id"])) == forbidden


def test_what_is_too_late_or_done(service: Client, stack: Stack, web: Web, pair: tuple[User, User]) -> None:
    late, done = send(web, *pair), send(web, *pair)
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        old = text("UPDATE im_message SET create_time = create_time - INTERVAL 121 SECOND WHERE id = :id")
        connection.execute(old, {"id": late["id"]})
    engine.dispose()
    asked = {"user_id": pair[0].id, "message_id": late["id"]}
    assert refused(service.start("RecallMessage", **asked)) == ("FAILED_PRECONDITION", "104003")
    asked["message_id"] = done["id"]
    assert service.RecallMessage(**asked).success
    assert refused(service.start("RecallMessage", **asked)) == ("FAILED_PRECONDITION", "104004")
    assert service.DeleteMessage(**asked).success
    assert refused(service.start("DeleteMessage", **asked)) == ("FAILED_PRECONDITION", "104004")
    assert service.DeleteMessage(**asked, scope="self").success


@pytest.mark.parametrize("path", ["/message.Message/Nothing", "/nobody.Nothing/SendMessage", "/nothing"])
def test_no_such_method(service: Client, path: str) -> None:
    assert refused(service.raw(path, b"")) == ("UNIMPLEMENTED", "100013")


@pytest.mark.parametrize("token", [None, "", "x", "x" * 40])
def test_no_token_or_a_wrong_one(stack: Stack, token: str | None) -> None:
    metadata = [] if token is None else [("authorization", f"Bearer {token}")]
    stranger = Client(stack.rpc_address, token=None, metadata=metadata)
    for method in ("SendMessage", "GetUnreadCount", "PushMessage"):
        assert refused(stranger.start(method, user_id=1) if method != "SendMessage" else stranger.start(method)) == (
            "UNAUTHENTICATED",
            "100008",
        )
    assert refused(stranger.raw("/message.Message/Nothing", b"")) == ("UNAUTHENTICATED", "100008")


def test_two_tokens_are_none(stack: Stack) -> None:
    both = Client(stack.rpc_address, token=None, metadata=[("authorization", f"Bearer {SERVICE_TOKEN}")] * 2)
    assert refused(both.start("GetUnreadCount", user_id=1)) == ("UNAUTHENTICATED", "100008")


def test_the_database_away(door: MakeDoor) -> None:
    process = door(DATABASE_URL="mysql+pymysql://root@127.0.0.1:1/nothing")
    process.launch()
    service = Client(process.address)
    grpc.channel_ready_future(service.channel).result(30)
    assert refused(service.start("GetUnreadCount", user_id=1)) == ("UNAVAILABLE", "100014")
    assert not process.ready(), "its health says so"


def test_every_code_has_a_status_of_its_own() -> None:
    """gRPC may come to use a code that only REST uses now, which must not end as INTERNAL."""
    assert all(refusal(Refused(code)).status.name != "INTERNAL" for code in Code if code is not Code.INTERNAL)


def test_what_nobody_foresaw_tells_nothing() -> None:
    told = refusal(ValueError("a secret"))
    assert (told.status.name, told.code, told.detail) == ("INTERNAL", Code.INTERNAL, "internal error")


def test_a_befriended_stranger_may_write(service: Client, web: Web) -> None:
    one, other = new_user(web), new_user(web)
    assert sending(service, (one, other)) == ("PERMISSION_DENIED", "101007")
    befriend(web, one, other)
    assert service.SendMessage(from_user_id=one.id, to_user_id=other.id, content="x").message.seq == 1
