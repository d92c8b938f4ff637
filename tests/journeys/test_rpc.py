"""Tests that REST and gRPC agree, and that a deployment works with the users of another system."""

import importlib.util
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import redis

from tests import databases
from tests.device import Device
from tests.people import User, Web, answer, conversation, conversations, friends, history, new_user, send, unread
from tests.processes import ROOT, wait_until
from tests.rpc.client import OUR_GROUP, Client, refused
from tests.rpc.outside import Outside
from tests.stack import SERVICE_TOKEN, Stack


@pytest.fixture
def service(stack: Stack) -> Client:
    return Client(stack.rpc_address)


@pytest.fixture
def pair(web: Web) -> tuple[User, User]:
    return friends(web, "Alice")


def test_sent_over_grpc_it_arrives_on_the_socket(
    stack: Stack, service: Client, web: Web, pair: tuple[User, User]
) -> None:
    alice, bob = pair
    device = Device(stack.realtime_urls[0], bob.token).online()
    sent = service.SendMessage(
        from_user_id=alice.id, to_user_id=bob.id, content="hello", extra='{"k":"é"}', client_msg_id="k"
    )
    assert not sent.duplicate
    (frame,) = device.expect("new_message")
    assert frame["extra"] == {"k": "é"}
    assert (frame["id"], frame["seq"], frame["change_seq"]) == (sent.message.id, 1, sent.message.change_seq)
    again = answer(
        web.post(
            "/message/v1/send",
            {"to_user_id": bob.id, "content": "hello", "extra": {"k": "é"}, "client_msg_id": "k"},
            alice.token,
        )
    )
    assert (again["duplicate"], again["message"]["id"]) == (True, sent.message.id), "one key for both doors"


def test_sent_over_rest_it_is_read_recalled_and_deleted_over_grpc(
    stack: Stack, service: Client, web: Web, pair: tuple[User, User]
) -> None:
    alice, bob = pair
    name = conversation(alice, bob)
    device = Device(stack.realtime_urls[0], alice.token).online()
    sent = [send(web, alice, bob, str(number)) for number in range(4)]
    wait_until(lambda: unread(web, bob) == 4, "four unread")
    assert service.GetUnreadCount(user_id=bob.id).count == 4
    assert service.MarkAsRead(user_id=bob.id, message_id=sent[2]["id"]).unread_count == 3, "that one alone"
    read = service.MarkAsRead(user_id=bob.id, conversation_id=name, message_id=sent[0]["id"])
    assert (read.read_seq, read.unread_count) == (1, 2)
    assert service.RecallMessage(user_id=alice.id, message_id=sent[1]["id"]).success
    assert service.DeleteMessage(user_id=bob.id, message_id=sent[3]["id"]).success
    assert device.expect("message_recalled")[0]["id"] == sent[1]["id"]
    assert device.expect("message_deleted")[0]["id"] == sent[3]["id"]
    assert len(device.expect("read_receipt", 2)) == 2
    wait_until(lambda: unread(web, bob) == service.GetUnreadCount(user_id=bob.id).count == 0, "both doors to agree")
    assert service.DeleteMessage(user_id=bob.id, message_id=sent[0]["id"], scope="self").success
    assert [each["id"] for each in history(web, bob, name)] == [sent[1]["id"], sent[2]["id"]]
    assert len(history(web, alice, name)) == 3


def test_both_doors_show_the_same(service: Client, web: Web, pair: tuple[User, User]) -> None:
    alice, bob = pair
    name = conversation(alice, bob)
    for number in range(3):
        last = send(web, alice, bob, str(number), extra={"n": number}, client_msg_id=f"k{number}")
    wait_until(lambda: name in conversations(web, bob) and unread(web, bob) == 3, "three to be counted")
    shown = service.GetChatHistory(user_id=bob.id, conversation_id=name, after_seq=1)
    for told, other in zip(shown.messages, history(web, bob, name)[1:], strict=True):
        for field in ("id", "seq", "change_seq", "content", "status", "client_msg_id", "create_time", "update_time"):
            assert getattr(told, field) == other[field], field
    rest = conversations(web, bob)[name]
    listed = service.GetConversations(user_id=bob.id)
    (told,) = listed.conversations
    same = ("name", "avatar", "unread_count", "update_time", "last_seq", "read_seq", "is_top", "is_mute", "friend_id")
    for field in (*same, "group_id", "peer_read_seq"):
        assert getattr(told, field) == rest[field], field
    assert (listed.total, listed.total_unread, told.id, told.type) == (1, 3, name, 1)
    assert (told.last_message.id, told.last_message.extra) == (last["id"], '{"n":2}')


def test_what_another_service_does_with_a_group_reaches_its_members(
    stack: Stack, web: Web, pair: tuple[User, User]
) -> None:
    alice, bob = pair
    groups = Client(stack.rpc_address, OUR_GROUP)
    device = Device(stack.realtime_urls[0], bob.token).online()
    made = groups.CreateGroup(owner_id=alice.id, name="Climbing", member_ids=[bob.id], join_approval=True).group
    name = f"group_{made.id}"
    sent = groups.SendGroupMessage(
        group_id=made.id, from_user_id=alice.id, content="At seven?", extra='{"n":1}'
    ).message
    groups.RemoveMembers(group_id=made.id, operator_id=alice.id, user_ids=[bob.id])
    groups.SendGroupMessage(group_id=made.id, from_user_id=alice.id, content="Without Bob")
    created, told, removed = device.expect("new_message", 3)
    assert [each["extra"].get("event") for each in (created, told, removed)] == ["created", None, "members_removed"]
    assert (told["id"], told["content"], told["extra"], told["conversation_id"]) == (
        sent.id,
        "At seven?",
        {"n": 1},
        name,
    )
    assert device.seqs(name) == [1, 2, 3]
    assert history(web, bob, name) == [created, told, removed]
    info = answer(web.post("/group/v1/info", {"group_id": made.id}, alice.token))
    found = groups.GetGroupInfo(group_id=made.id, user_id=alice.id)
    assert found.my_role == info["my_role"] == 3
    for field in found.group.DESCRIPTOR.fields_by_name:
        assert getattr(found.group, field) == info["group"][field], field
    listed = answer(web.post("/group/v1/members", {"group_id": made.id}, alice.token))
    members = groups.GetGroupMembers(group_id=made.id)
    assert (members.total, members.members[0].user_id) == (listed["total"], listed["members"][0]["user_id"])


def test_a_push_reaches_every_connection_and_is_stored_nowhere(
    stack: Stack, service: Client, web: Web, pair: tuple[User, User]
) -> None:
    alice, bob = pair
    relays = [stack.realtime_urls[0], stack.add("realtime").url]  # type: ignore[attr-defined]
    devices = [Device(relay, bob.token).online() for relay in relays]
    message = {"from_user_id": alice.id, "to_user_id": bob.id, "content": "now", "message_type": 1, "extra": '{"a":1}'}
    assert service.PushMessage(user_id=bob.id, message=message).success
    for device in devices:
        assert device.expect("push") == [
            {"from_user_id": alice.id, "message_type": 1, "content": "now", "extra": {"a": 1}}
        ]
    assert not service.PushMessage(user_id=new_user(web).id, message=message).success
    assert history(web, bob, conversation(alice, bob)) == []
    assert send(web, alice, bob)["seq"] == 1
    assert devices[0].expect("new_message")[0]["seq"] == 1, "what follows is pushed as ever"


def test_the_worked_example(stack: Stack, web: Web, pair: tuple[User, User]) -> None:
    found = importlib.util.spec_from_file_location("example", ROOT / "docs/rpc-client/client.py")
    assert found
    assert found.loader
    example: Any = importlib.util.module_from_spec(found)
    found.loader.exec_module(example)
    alice, bob = pair
    with example.MessageClient(stack.rpc_address, SERVICE_TOKEN) as client:
        sent = client.send(alice.id, bob.id, "hello")
        assert [each.id for each in client.history(bob.id, sent.conversation_id)] == [sent.id]
        assert client.history(bob.id, sent.conversation_id, before_seq=1) == []
        assert client.read(bob.id, sent.conversation_id) == 0
        assert not client.push(bob.id, "anybody there?")
        group = client.create_group(alice.id, "Climbing", [bob.id])
        sent = client.send_to_group(alice.id, group.id, "At seven?")
        assert [each.seq for each in client.history(bob.id, sent.conversation_id)] == [1, 2]
        with pytest.raises(example.MessageError) as caught:
            client.send(alice.id, alice.id, "to myself")
        assert (caught.value.code, caught.value.status.name) == (100002, "INVALID_ARGUMENT")


ALICE, BOB, CAROL = 1_000_001, 1_000_002, 1_000_003


@pytest.fixture
def outside() -> Iterator[Outside]:
    made = Outside()
    made.friends = {ALICE: "Alice of elsewhere", BOB: "Bob of elsewhere", CAROL: "Carol"}
    yield made
    made.stop()


@pytest.fixture
def elsewhere(fresh_stack: Stack, outside: Outside) -> Stack:
    """Returns a deployment whose users and friendships other services keep."""
    return fresh_stack.start(FRIEND_RPC=outside.address, USERCENTER_RPC=outside.address)


def foreign(user_id: int) -> User:
    """Returns a user signed in elsewhere, whose token the product accepts."""
    claims = {"sub": str(user_id), "type": "access", "exp": int(time.time()) + 600}
    return User(user_id, "", jwt.encode(claims, databases.SECRET, "HS256"), "")


def test_with_the_users_of_another_system(elsewhere: Stack, outside: Outside) -> None:
    web, service = Web(elsewhere.web_url), Client(elsewhere.rpc_address)
    alice, bob, stranger = foreign(ALICE), foreign(BOB), foreign(2_000_000)
    name = conversation(alice, bob)
    devices = [Device(elsewhere.realtime_urls[0], bob.token).online()]
    wait_until(lambda: service.PushMessage(user_id=BOB, message={}).success, "a new relay to have reported")
    devices.append(Device(elsewhere.realtime_urls[0], alice.token).online())
    assert send(web, alice, bob, "over REST")["seq"] == 1
    assert service.SendMessage(from_user_id=ALICE, to_user_id=BOB, content="over gRPC").message.seq == 2
    devices[0].wait(lambda: devices[0].seqs(name) == [1, 2], "both messages")
    devices[1].wait(
        lambda: any(each["user_id"] == BOB for each in devices[1].of("presence")), "their friend to be there"
    )
    devices[1].say("typing", {"conversation_id": name})
    assert devices[0].expect("typing")[0]["user_id"] == ALICE
    wait_until(lambda: name in conversations(web, bob), "their list")
    shown = conversations(web, bob)[name]
    assert (shown["name"], shown["avatar"]) == ("Alice of elsewhere", "a.png")
    assert service.GetConversations(user_id=BOB).conversations[0].name == "Alice of elsewhere"
    synced = answer(web.post("/message/v1/sync", {"heads": {}}, bob.token))["conversations"]
    assert synced[0]["conversation"]["name"] == "Alice of elsewhere"
    arranged = answer(web.post("/message/v1/conversation/update", {"conversation_id": name, "is_top": True}, bob.token))
    assert arranged["conversation"]["name"] == "Alice of elsewhere"
    not_friends = web.post("/message/v1/send", {"to_user_id": stranger.id, "content": "x"}, alice.token)
    assert (not_friends.status_code, not_friends.json()["code"]) == (403, 101007)
    for path in ("/user/v1/login", "/user/v1/register", "/user/v1/me", "/friend/v1/list", "/friend/v1/request"):
        assert web.post(path, {}, alice.token).status_code == 404, path
    asked = outside.calls.copy()
    assert send(web, alice, bob)["seq"] == 3
    assert outside.calls == asked, "known by now"


def test_a_group_of_the_users_of_another_system(elsewhere: Stack, outside: Outside) -> None:
    """Only friends are brought in, by what the outside directory says, which knows the members' names as well."""
    groups = Client(elsewhere.rpc_address, OUR_GROUP)
    outside.block(CAROL, ALICE)
    made = groups.CreateGroup(owner_id=ALICE, name="Climbing", member_ids=[BOB, CAROL]).group
    members = groups.GetGroupMembers(group_id=made.id).members
    assert [(each.user_id, each.nickname, each.avatar) for each in members] == [
        (ALICE, "Alice of elsewhere", "a.png"),
        (BOB, "Bob of elsewhere", "a.png"),
    ]
    asked = {"group_id": made.id, "inviter_id": ALICE, "user_ids": [CAROL, 2_000_000]}
    invited = groups.InviteUsers(**asked)
    assert (invited.success_count, sorted(invited.failed_users)) == (0, [CAROL, 2_000_000])
    outside.stop()
    assert refused(groups.start("InviteUsers", **asked | {"user_ids": [2_000_001]})) == ("UNAVAILABLE", "100014")
    sent = groups.SendGroupMessage(group_id=made.id, from_user_id=ALICE, content="x").message
    assert history(Web(elsewhere.web_url), foreign(BOB), f"group_{made.id}")[-1]["id"] == sent.id, "members need nobody"


def test_a_block_elsewhere_is_a_block_here(elsewhere: Stack, outside: Outside) -> None:
    web, service = Web(elsewhere.web_url), Client(elsewhere.rpc_address)
    outside.block(BOB, ALICE)
    for one, other in ((ALICE, BOB), (BOB, ALICE)):
        refusal = web.post("/message/v1/send", {"to_user_id": other, "content": "x"}, foreign(one).token)
        assert (refusal.status_code, refusal.json()["code"]) == (403, 101007)
        asked = service.start("SendMessage", from_user_id=one, to_user_id=other, content="x")
        assert refused(asked) == ("PERMISSION_DENIED", "101007")
    assert send(web, foreign(ALICE), foreign(CAROL))["seq"] == 1


def test_over_a_socket_the_directory_is_asked_too_and_other_frames_go_on(elsewhere: Stack, outside: Outside) -> None:
    device = Device(elsewhere.realtime_urls[0], foreign(ALICE).token).online()
    outside.block(BOB, ALICE)
    device.say("send", {"to_user_id": BOB, "content": "x", "client_msg_id": "blocked"})
    assert device.expect("error")[0]["code"] == 101007
    outside.freeze()
    device.say("send", {"to_user_id": CAROL, "content": "x", "client_msg_id": "asked in vain"})
    device.say("ping")
    refused_later = device.expect("error", 2)[1]
    assert (refused_later["code"], refused_later["client_msg_id"]) == (100014, "asked in vain")
    assert [frame["type"] for frame in device.frames if frame["type"] in ("error", "pong")] == [
        "error",
        "pong",
        "error",
    ]
    outside.thaw()
    wait_until(lambda: _is_sent(Web(elsewhere.web_url), foreign(ALICE), foreign(CAROL)), "the directory", seconds=15)


def test_many_sends_of_a_pair_ask_once(elsewhere: Stack, outside: Outside) -> None:
    web = Web(elsewhere.web_url)
    alice, bob = foreign(ALICE), foreign(BOB)
    with ThreadPoolExecutor(30) as pool:
        sent = list(pool.map(lambda number: send(web, alice, bob, str(number)), range(100)))
    assert sorted(each["seq"] for each in sent) == list(range(1, 101))
    assert outside.calls["CheckFriendship"] <= 2


def test_a_directory_that_is_away(elsewhere: Stack, outside: Outside) -> None:
    """Frozen, malformed or down, a directory means 503 within a second and nothing stored, until it is back."""
    web, service = Web(elsewhere.web_url), Client(elsewhere.rpc_address)
    alice, bob = foreign(ALICE), foreign(BOB)

    def away() -> None:
        started = time.monotonic()
        answered = web.post("/message/v1/send", {"to_user_id": BOB, "content": "x"}, alice.token)
        assert (answered.status_code, answered.json()["code"]) == (503, 100014)
        asked = service.start("SendMessage", from_user_id=ALICE, to_user_id=BOB, content="x")
        assert refused(asked) == ("UNAVAILABLE", "100014")
        assert time.monotonic() - started < 2, "two calls"

    outside.freeze()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(away)
        wait_until(lambda: web.get("/healthz").ok and not sending.running(), "the others to be served meanwhile")
        sending.result()
    outside.thaw()
    outside.malformed = True
    away()
    outside.malformed = False
    outside.stop()
    for _ in range(6):
        away()
    assert history(web, alice, conversation(alice, bob)) == []
    outside.start()
    wait_until(lambda: _is_sent(web, alice, bob), "the breaker to close", seconds=15)
    assert service.SendMessage(from_user_id=ALICE, to_user_id=BOB, content="x").message.seq == 2


def _is_sent(web: Web, one: User, other: User) -> bool:
    return web.post("/message/v1/send", {"to_user_id": other.id, "content": "x"}, one.token).ok


def test_a_user_who_is_gone_elsewhere_takes_no_list_away(elsewhere: Stack, outside: Outside) -> None:
    """A user centre that is away takes no list away either, because a name is only decoration."""
    web, service = Web(elsewhere.web_url), Client(elsewhere.rpc_address)
    alice, bob, carol = foreign(ALICE), foreign(BOB), foreign(CAROL)
    send(web, alice, bob)
    send(web, alice, carol)
    wait_until(lambda: len(conversations(web, alice)) == 2, "their list")
    del outside.friends[CAROL]
    redis.Redis.from_url(elsewhere.redis_url).flushall()  # the cached name of Carol
    name = conversation(alice, carol)
    assert conversations(web, alice)[name]["name"] == ""
    assert answer(web.post("/message/v1/sync", {"heads": {}}, alice.token))["conversations"]
    assert {each.name for each in service.GetConversations(user_id=ALICE).conversations} == {"Bob of elsewhere", ""}
    body = {"conversation_id": name, "is_top": True}
    assert answer(web.post("/message/v1/conversation/update", body, alice.token))["conversation"]["is_top"]
    outside.stop()
    assert set(conversations(web, alice)) == {name, conversation(alice, bob)}
    outside.start()
