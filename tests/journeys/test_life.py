"""Tests of what follows a send, on every device: reading, recalling, deleting, conversation settings and sync."""

from typing import Any

import pytest

from tests.device import Device
from tests.journeys.conftest import Deployment
from tests.people import User, answer, befriend, conversation, conversations, friends, history, new_user, send, unread
from tests.processes import wait_until

PLACEHOLDER = "[消息已撤回]"


class Chat:
    """Two friends with a device each, and a second one of Bob's."""

    def __init__(self, service: Deployment) -> None:
        self.web = service.web
        self.alice, self.bob = friends(service.web)
        self.name = conversation(self.alice, self.bob)
        self.alices = Device(service.sockets, self.alice.token).online()
        self.bobs = Device(service.sockets, self.bob.token).online()
        self.bobs_other = Device(service.sockets, self.bob.token).online()

    def send(self, content: str = "hello") -> dict[str, Any]:
        """Send a message from Alice to Bob, and wait until both of Bob's devices and both lists have it. Returns it."""
        message = send(self.web, self.alice, self.bob, content)
        for device in (self.bobs, self.bobs_other):
            device.wait(lambda device=device: message["id"] in [each["id"] for each in device.messages], "the message")
        for user in (self.alice, self.bob):  # lists and counts follow the workers
            wait_until(lambda user=user: self._last_seq(user) >= message["seq"], "the workers to be done with it")
        return message

    def _last_seq(self, user: User) -> int:
        found: int = conversations(self.web, user).get(self.name, {"last_seq": 0})["last_seq"]
        return found

    def call(self, path: str, user: User, **body: Any) -> Any:
        return answer(self.web.post(f"/message/v1/{path}", body, user.token))

    def preview(self, user: User) -> Any:
        last = conversations(self.web, user)[self.name]["last_message"]
        return last and last["content"]


@pytest.fixture
def chat(service: Deployment) -> Chat:
    return Chat(service)


def refusal(chat: Chat, path: str, user: User, **body: Any) -> tuple[int, int]:
    found = chat.web.post(f"/message/v1/{path}", body, user.token)
    return found.status_code, found.json()["code"]


def test_reading_all_is_told_to_the_sender_and_to_the_readers_other_devices(chat: Chat) -> None:
    for number in range(3):
        chat.send(f"number {number}")
    assert chat.call("read", chat.bob, conversation_id=chat.name) == {
        "conversation_id": chat.name,
        "read_seq": 3,
        "unread_count": 0,
    }
    receipt = chat.alices.expect("read_receipt")[0]
    assert (receipt["user_id"], receipt["read_seq"], receipt["message_id"]) == (chat.bob.id, 3, None)
    assert chat.bobs_other.expect("read_receipt") == [receipt]
    assert [message["status"] for message in history(chat.web, chat.alice, chat.name)] == [3, 3, 3]
    assert unread(chat.web, chat.bob) == 0
    wait_until(lambda: conversations(chat.web, chat.alice)[chat.name]["peer_read_seq"] == 3, "the peer's mark")


def test_reading_one_leaves_those_before_it_unread(chat: Chat) -> None:
    messages = [chat.send(f"number {number}") for number in range(3)]
    found = chat.call("read", chat.bob, message_id=messages[1]["id"])
    assert (found["read_seq"], found["unread_count"]) == (0, 2)
    assert chat.alices.expect("read_receipt")[0]["message_id"] == messages[1]["id"]
    wait_until(lambda: [m["status"] for m in history(chat.web, chat.alice, chat.name)] == [2, 3, 2], "one read")
    assert chat.call("read", chat.bob, conversation_id=chat.name, message_id=messages[1]["id"])["unread_count"] == 1


def test_a_receipt_may_come_over_the_socket_and_is_not_told_to_where_it_came_from(chat: Chat) -> None:
    message = chat.send()
    chat.bobs.say("read_receipt", {"conversation_id": chat.name, "message_id": message["id"]})
    assert chat.alices.expect("read_receipt")[0]["read_seq"] == 1
    chat.bobs_other.expect("read_receipt")
    chat.send("later")
    assert chat.bobs.of("read_receipt") == []


def test_a_recalled_message_is_gone_from_everywhere(chat: Chat) -> None:
    message = chat.send("a secret")
    recalled = chat.call("recall", chat.alice, message_id=message["id"])["message"]
    assert (recalled["status"], recalled["content"], recalled["extra"]) == (4, PLACEHOLDER, None)
    for device in (chat.alices, chat.bobs, chat.bobs_other):
        assert device.expect("message_recalled") == [recalled]
    assert history(chat.web, chat.bob, chat.name) == [recalled]
    assert unread(chat.web, chat.bob) == 0
    assert chat.preview(chat.bob) == chat.preview(chat.alice) == PLACEHOLDER
    assert refusal(chat, "recall", chat.alice, message_id=message["id"]) == (409, 104004)
    assert refusal(chat, "recall", chat.bob, message_id=chat.send()["id"]) == (403, 100009)


def test_a_message_recalled_while_the_peer_was_away_is_never_shown_to_him(service: Deployment) -> None:
    alice, bob = friends(service.web)
    message = send(service.web, alice, bob, "a secret")
    answer(service.web.post("/message/v1/recall", {"message_id": message["id"]}, alice.token))
    device = Device(service.sockets, bob.token).online()
    wait_until(lambda: device.messages, "its place")
    assert {each["content"] for each in device.messages} == {PLACEHOLDER}


def test_deleting_for_everyone_leaves_a_tombstone(chat: Chat) -> None:
    first, last = chat.send("first"), chat.send("last")
    chat.call("delete", chat.bob, message_id=last["id"], scope="everyone")
    for device in (chat.alices, chat.bobs, chat.bobs_other):
        gone = device.expect("message_deleted")[0]
        assert (gone["id"], gone["seq"], gone["status"], gone["content"]) == (last["id"], 2, 5, "")
    assert [message["id"] for message in history(chat.web, chat.alice, chat.name)] == [first["id"]]
    assert chat.preview(chat.alice) == chat.preview(chat.bob) == "first"
    assert unread(chat.web, chat.bob) == 1
    assert refusal(chat, "delete", chat.alice, message_id=last["id"]) == (409, 104004)


def test_deleting_for_oneself_hides_it_on_all_ones_devices_alone(chat: Chat) -> None:
    chat.send("first")
    last = chat.send("last")
    for _ in range(2):
        chat.call("delete", chat.bob, message_id=last["id"], scope="self")
    assert chat.bobs.expect("message_deleted")[0]["content"] == ""
    assert chat.bobs_other.expect("message_deleted")[0]["id"] == last["id"]
    assert [m["content"] for m in history(chat.web, chat.bob, chat.name)] == ["first"]
    assert [m["content"] for m in history(chat.web, chat.alice, chat.name)] == ["first", "last"]
    assert (chat.preview(chat.bob), chat.preview(chat.alice)) == ("first", "last")
    assert unread(chat.web, chat.bob) == 1
    assert chat.alices.of("message_deleted") == []


def test_on_top_muted_and_hidden(chat: Chat, service: Deployment) -> None:
    chat.send()
    other = new_user(service.web)
    befriend(service.web, other, chat.bob)
    send(service.web, other, chat.bob)
    wait_until(lambda: unread(chat.web, chat.bob) == 2, "both to be counted")
    top = chat.call("conversation/update", chat.bob, conversation_id=chat.name, is_top=True, is_mute=True)
    assert (top["conversation"]["is_top"], top["conversation"]["is_mute"]) == (True, True)
    assert chat.bobs_other.expect("resync") == [{"conversation_id": chat.name}]
    assert next(iter(conversations(chat.web, chat.bob))) == chat.name
    assert unread(chat.web, chat.bob) == 1, "the muted one does not count"
    chat.call("conversation/update", chat.bob, conversation_id=chat.name, del_state=True)
    assert chat.name not in conversations(chat.web, chat.bob)
    chat.send("again")
    wait_until(lambda: chat.name in conversations(chat.web, chat.bob), "it to be back with the next message")
    assert len(history(chat.web, chat.bob, chat.name)) == 2, "history stays"


def test_sync_brings_what_was_missed(chat: Chat) -> None:
    first, second = chat.send("first"), chat.send("second")
    wait_until(lambda: unread(chat.web, chat.bob) == 2, "both to be counted")
    before = conversations(chat.web, chat.bob)[chat.name]
    chat.call("recall", chat.alice, message_id=first["id"])
    chat.call("delete", chat.alice, message_id=second["id"])
    third = chat.send("third")
    wait_until(lambda: conversations(chat.web, chat.bob)[chat.name]["change_seq"] == 5, "all changes to be counted")
    found = chat.call("sync", chat.bob, heads={chat.name: 2}, changes={chat.name: before["change_seq"]})
    assert found["truncated"] is False
    (moved,) = found["conversations"]
    assert [(m["id"], m["status"]) for m in moved["messages"]][:2] == [(first["id"], 4), (second["id"], 5)]
    assert moved["messages"][2]["id"] == third["id"]
    assert moved["conversation"]["unread_count"] == 1
    nothing = chat.call("sync", chat.bob, heads={chat.name: 3}, changes={chat.name: 5})
    assert nothing == {"conversations": [], "truncated": False}
    unknown = chat.call("sync", chat.bob, heads={})
    assert [m["seq"] for m in unknown["conversations"][0]["messages"]] == [1, 2, 3]


def test_typing_is_passed_on_to_friends_once_a_second(chat: Chat, service: Deployment) -> None:
    for _ in range(5):
        chat.alices.say("typing", {"conversation_id": chat.name})
    assert chat.bobs.expect("typing") == [{"conversation_id": chat.name, "user_id": chat.alice.id}]
    chat.send()
    assert len(chat.bobs.of("typing")) == 1
    stranger = new_user(service.web)
    chat.alices.say("typing", {"conversation_id": conversation(chat.alice, stranger)})
    chat.alices.say("typing", {"conversation_id": conversation(chat.bob, stranger)})
    assert [error["code"] for error in chat.alices.expect("error", 2)] == [101007, 104005]


def test_friends_are_told_who_comes_and_goes(service: Deployment) -> None:
    alice, bob = friends(service.web)
    alices = Device(service.sockets, alice.token).online()
    bobs = Device(service.sockets, bob.token).online()
    assert alices.expect("presence")[0] == {"user_id": bob.id, "online": True, "last_seen": None}
    assert bobs.expect("presence")[0] == {"user_id": alice.id, "online": True, "last_seen": None}
    bobs.close()
    again = Device(service.sockets, bob.token).online()
    again.close()
    alices.wait(lambda: not alices.of("presence")[-1]["online"], "Bob to be gone")
    gone = alices.of("presence")[-1]
    assert gone["user_id"] == bob.id
    assert gone["last_seen"] >= alices.of("hello")[0]["server_time"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("read", {"message_id": 2**53 - 1}),
        ("recall", {"message_id": 2**53 - 1}),
        ("delete", {"message_id": 2**53 - 1}),
        ("delete", {"message_id": 2**53 - 1, "scope": "self"}),
    ],
    ids=str,
)
def test_an_absent_message_is_not_found(chat: Chat, path: str, body: dict[str, Any]) -> None:
    assert refusal(chat, path, chat.bob, **body) == (404, 104001)


@pytest.mark.parametrize("path", ["read", "recall", "delete"])
def test_a_foreign_message_is_not_found(chat: Chat, service: Deployment, path: str) -> None:
    stranger = new_user(service.web)
    assert refusal(chat, path, stranger, message_id=chat.send()["id"]) == (404, 104001)


@pytest.mark.parametrize("path", ["read", "recall", "delete"])
@pytest.mark.parametrize("value", [0, -1, 2**63, "1", True, 1.5, None], ids=repr)
def test_a_malformed_message_id_is_refused(chat: Chat, path: str, value: Any) -> None:
    assert refusal(chat, path, chat.bob, message_id=value) == (400, 100002)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("read", {}),
        ("delete", {"message_id": 1, "scope": "none"}),
        ("sync", {}),
        ("sync", {"heads": {"1_2": -1}}),
        ("sync", {"heads": {"1_2": "1"}}),
        ("sync", {"heads": {f"1_{n}": 0 for n in range(2, 1_003)}}),
        ("sync", {"heads": {}, "changes": []}),
        ("conversation/update", {"conversation_id": "1_2", "is_top": 1}),
        ("conversation/update", {"is_top": True}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_request_is_refused(chat: Chat, path: str, body: dict[str, Any]) -> None:
    assert refusal(chat, path, chat.bob, **body) == (400, 100002)


@pytest.mark.parametrize("path", ["read", "conversation/update"])
def test_a_foreign_conversation_is_not_found(chat: Chat, service: Deployment, path: str) -> None:
    stranger = new_user(service.web)
    body = {"conversation_id": chat.name} | ({"is_top": True} if path != "read" else {})
    assert refusal(chat, path, stranger, **body) == (404, 104005)
