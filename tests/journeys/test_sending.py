"""Tests of messages sent over the socket: the rules and codes of REST, and each stored once whatever dies meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from messaging.draft import MAX_CONTENT
from tests.device import Device
from tests.journeys import storage
from tests.journeys.conftest import Deployment
from tests.journeys.database_gate import DatabaseGate
from tests.people import User, Web, answer, befriend, conversation, friends, history, new_user, send
from tests.processes import PATIENCE, wait_until
from tests.stack import Stack


def said(device: Device, **content: Any) -> dict[str, Any]:
    """Send a message over the socket, and wait for its answer. Returns the frame: `sent`, or `error`."""
    before = len(_answers(device, content["client_msg_id"]))
    device.say("send", content)
    device.wait(lambda: len(_answers(device, content["client_msg_id"])) > before, f"an answer to {content}")
    return _answers(device, content["client_msg_id"])[before]


def _answers(device: Device, key: str) -> list[dict[str, Any]]:
    answers = [frame for frame in list(device.frames) if frame["type"] in ("sent", "error")]
    return [frame for frame in answers if frame["content"].get("client_msg_id") == key]


def code_of(frame: dict[str, Any]) -> int:
    """Returns the code of an `error` frame that answers a send."""
    assert (frame["type"], frame["content"]["type"]) == ("error", "send")
    return int(frame["content"]["code"])


def test_what_is_sent_is_stored_answered_and_pushed_to_both(service: Deployment) -> None:
    alice, bob = friends(service.web)
    senders, others = (Device(service.sockets, alice.token).online() for _ in range(2))
    recipients = Device(service.sockets, bob.token).online()
    frame = said(senders, to_user_id=bob.id, content="hello", extra={"x": 1}, client_msg_id="k1")
    message = frame["content"].pop("message")
    assert frame == {"type": "sent", "content": {"client_msg_id": "k1", "duplicate": False}}
    assert (message["seq"], message["from_user_id"], message["content"]) == (1, alice.id, "hello")
    assert message["extra"] == {"x": 1}
    for device in (senders, others, recipients):
        assert device.expect("new_message") == [message]
    assert senders.expect("delivered")[0]["seq"] == 1
    assert [found["id"] for found in history(service.web, bob, conversation(alice, bob))] == [message["id"]]


def test_both_doors_know_a_key(service: Deployment) -> None:
    alice, bob = friends(service.web)
    device = Device(service.sockets, alice.token).online()
    body = {"to_user_id": bob.id, "content": "once", "client_msg_id": "k1"}
    first = said(device, **body)["content"]
    again = said(device, **body)["content"]
    by_rest = answer(service.web.post("/message/v1/send", body, alice.token))
    assert [each["duplicate"] for each in (first, again, by_rest)] == [False, True, True]
    assert len({each["message"]["id"] for each in (first, again, by_rest)}) == 1
    message = send(service.web, alice, bob, "the other way", client_msg_id="k2")
    repeat = said(device, to_user_id=bob.id, content="the other way", client_msg_id="k2")["content"]
    assert (repeat["duplicate"], repeat["message"]["id"]) == (True, message["id"])


def test_every_refusal_of_rest_is_one_here_with_the_same_code(service: Deployment) -> None:
    (alice, bob), stranger = friends(service.web), new_user(service.web)
    device = Device(service.sockets, alice.token).online()
    send(service.web, alice, bob, "used", client_msg_id="used")
    for number, changes in enumerate(
        [
            {"to_user_id": stranger.id},
            {"to_user_id": alice.id},
            {"content": ""},
            {"content": "x" * (MAX_CONTENT + 1)},
            {"message_type": 0},
            {"message_type": "1"},
            {"bogus": True},
            {"to_user_id": None},
            {"client_msg_id": "used"},
            {"client_msg_id": "no key "},
        ]
    ):
        body = {"to_user_id": bob.id, "content": "hello", "client_msg_id": f"k{number}"} | changes
        refused = service.web.post("/message/v1/send", body, alice.token)
        assert refused.status_code >= 400
        assert code_of(said(device, **body)) == refused.json()["code"], body
    assert device.close_code is None
    assert len(history(service.web, alice, conversation(alice, bob))) == 1


def test_a_message_without_a_key_is_refused(stack: Stack, web: Web) -> None:
    alice, bob = friends(web)
    device = Device(stack.realtime_urls[0], alice.token).online()
    device.say("send", {"to_user_id": bob.id, "content": "hello"})
    refused = device.expect("error")[0]
    assert (refused["code"], refused["type"], "client_msg_id" in refused) == (100002, "send", False)


def test_the_limit_of_sends_is_that_of_rest_and_spares_other_frames(stack: Stack, web: Web) -> None:
    alice, bob = friends(web)
    device = Device(stack.realtime_urls[0], alice.token).online()
    keys = [f"k{number}" for number in range(50)]
    for key in keys:
        device.say("send", {"to_user_id": bob.id, "content": "quick", "client_msg_id": key})
    device.wait(lambda: all(_answers(device, key) for key in keys), "an answer to each")
    refused = [code_of(each) for key in keys for each in _answers(device, key) if each["type"] == "error"]
    assert set(refused) == {100010}
    assert len(refused) <= 20
    device.say("ping")
    device.expect("pong")
    assert len(history(web, alice, conversation(alice, bob))) == 50 - len(refused)


def test_an_ended_login_sends_nothing_more(stack: Stack, web: Web) -> None:
    alice, bob = friends(web)
    device = Device(stack.realtime_urls[0], alice.token).online()
    answer(web.post("/user/v1/logout", token=alice.token))
    assert device.wait_closed() == 1008
    assert history(web, bob, conversation(alice, bob)) == []


@pytest.fixture
def gate(fresh_stack: Stack) -> Iterator[DatabaseGate]:
    """Yields the gate between the database and the first relay of a deployment without limits. It has two relays."""
    with DatabaseGate(fresh_stack.database_url).serving() as gate:
        fresh_stack.start(realtime=0, rpc=0, RATE_LIMITS="0")
        fresh_stack.add("realtime", RATE_LIMITS="0", DATABASE_URL=gate.url)
        fresh_stack.add("realtime", RATE_LIMITS="0")
        yield gate


@pytest.fixture
def pair(gate: DatabaseGate, fresh_stack: Stack) -> tuple[User, User]:
    return friends(Web(fresh_stack.web_url))


def _contents(stack: Stack, pair: tuple[User, User]) -> list[str]:
    name = conversation(*pair)
    found = storage.rows(stack, "SELECT content FROM im_message WHERE conversation_id = :name ORDER BY seq", name=name)
    return [row.content for row in found]


def test_hundreds_at_once_are_all_stored_though_few_are_on_their_way(
    gate: DatabaseGate, fresh_stack: Stack, pair: tuple[User, User]
) -> None:
    device = Device(fresh_stack.realtime_urls[0], pair[0].token).online()
    peer = Device(fresh_stack.realtime_urls[1], pair[1].token).online()
    send(Web(fresh_stack.web_url), *pair, "first")
    lock = "SELECT shard FROM im_conversation_head WHERE conversation_id = :name FOR UPDATE"
    with storage.locked(fresh_stack, lock, name=conversation(*pair)):
        for number in range(300):
            device.say("send", {"to_user_id": pair[1].id, "content": f"{number}", "client_msg_id": f"k{number}"})
        wait_until(lambda: storage.lock_waits(fresh_stack), "a batch to wait")
        assert device.of("sent") == []
    device.expect("sent", 300)
    assert sorted(_contents(fresh_stack, pair)[1:], key=int) == [f"{number}" for number in range(300)]
    peer.expect("new_message", 301)
    assert peer.seqs(conversation(*pair)) == list(range(1, 302))


def test_while_the_database_is_away_it_is_said_and_the_repeat_is_stored_once(
    gate: DatabaseGate, fresh_stack: Stack, pair: tuple[User, User]
) -> None:
    device = Device(fresh_stack.realtime_urls[0], pair[0].token).online()
    body = {"to_user_id": pair[1].id, "content": "hello", "client_msg_id": "k1"}
    assert said(device, **body)["type"] == "sent"
    gate.shut()
    body |= {"client_msg_id": "k2"}
    assert code_of(said(device, **body)) == 100014
    gate.open()
    wait_until(lambda: said(device, **body)["type"] == "sent", "the database to be back")
    assert said(device, **body)["content"]["duplicate"]
    assert _contents(fresh_stack, pair) == ["hello", "hello"]
    assert device.close_code is None


def test_a_relay_killed_between_commit_and_answer_has_stored_what_the_repeat_finds(
    gate: DatabaseGate, fresh_stack: Stack, pair: tuple[User, User]
) -> None:
    relay, other = fresh_stack.realtime_urls
    device, peer = Device(relay, pair[0].token).online(), Device(other, pair[1].token).online()
    body = {"to_user_id": pair[1].id, "content": "hello", "client_msg_id": "k1"}
    gate.lose_commit()
    device.say("send", body)
    assert gate.committed.wait(PATIENCE)
    wait_until(lambda: _contents(fresh_stack, pair) == ["hello"], "the COMMIT")
    fresh_stack.named("realtime")[0].kill()
    device.wait_closed()
    assert device.of("sent") == []
    repeat = said(Device(other, pair[0].token).online(), **body)["content"]
    assert (repeat["duplicate"], repeat["message"]["seq"]) == (True, 1)
    assert _contents(fresh_stack, pair) == ["hello"]
    assert peer.expect("new_message")[0]["id"] == repeat["message"]["id"], "no relay has to poke for it"


def test_a_relay_that_ends_leaves_no_message_in_doubt(
    gate: DatabaseGate, fresh_stack: Stack, pair: tuple[User, User]
) -> None:
    relay, other = fresh_stack.realtime_urls
    device = Device(relay, pair[0].token).online()
    for number in range(200):
        device.say("send", {"to_user_id": pair[1].id, "content": f"{number}", "client_msg_id": f"k{number}"})
    fresh_stack.named("realtime")[0].terminate()
    assert device.wait_closed() == 1012
    again = Device(other, pair[0].token).online()
    answered = {each["client_msg_id"]: each for each in device.of("sent")}
    for number in range(200):
        body = {"to_user_id": pair[1].id, "content": f"{number}", "client_msg_id": f"k{number}"}
        repeat = said(again, **body)["content"]
        assert repeat["duplicate"] or f"k{number}" not in answered
    assert sorted(map(int, _contents(fresh_stack, pair))) == list(range(200))


def test_a_blocked_friend_is_refused_until_they_are_friends_again(stack: Stack, web: Web) -> None:
    alice, bob = friends(web)
    device = Device(stack.realtime_urls[0], alice.token).online()
    answer(web.post("/friend/v1/delete", {"user_id": alice.id}, bob.token))
    body = {"to_user_id": bob.id, "content": "hello", "client_msg_id": "k1"}
    assert code_of(said(device, **body)) == 101007
    befriend(web, alice, bob)
    assert not said(device, **body)["content"]["duplicate"], "a refused send does not use up its key"
