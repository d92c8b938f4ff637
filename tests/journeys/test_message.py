"""Tests of a message's way from POST to the peer's socket."""

from tests.device import Device
from tests.journeys.conftest import Deployment
from tests.people import answer, conversation, conversations, friends, history, send, unread
from tests.processes import wait_until


def test_a_message_arrives_at_once_and_is_delivered_when_the_device_answers(service: Deployment) -> None:
    alice, bob = friends(service.web)
    senders, recipients = Device(service.sockets, alice.token).online(), Device(service.sockets, bob.token).online()
    message = send(service.web, alice, bob, "hello, Bob")
    assert (message["seq"], message["status"]) == (1, 1)
    assert recipients.expect("new_message") == [message]
    assert senders.expect("new_message") == [message], "the sender's other devices show it too"
    ticks = {"conversation_id": conversation(alice, bob), "user_id": bob.id, "seq": 1}
    assert senders.expect("delivered") == [ticks]
    assert [found["status"] for found in history(service.web, alice, conversation(alice, bob))] == [2]


def test_what_was_sent_while_away_arrives_on_connecting_in_order(service: Deployment) -> None:
    alice, bob = friends(service.web)
    sent = [send(service.unlimited_web, alice, bob, f"number {number}") for number in range(250)]
    wait_until(lambda: unread(service.web, bob) == 250, "all to be counted")
    device = Device(service.sockets, bob.token)
    assert device.expect("hello")[0]["total_unread"] == 250
    device.online()
    assert device.frames[0]["type"] == "hello"
    assert device.seqs(conversation(alice, bob)) == list(range(51, 251)), "the newest 200, in order"
    assert device.of("backlog_end") == [{"truncated": True}]
    assert device.messages == sent[50:]


def test_live_messages_wait_for_the_backlog(service: Deployment) -> None:
    alice, bob = friends(service.web)
    for number in range(150):
        send(service.unlimited_web, alice, bob, f"away {number}")
    wait_until(lambda: unread(service.web, bob) == 150, "all to be counted")
    device = Device(service.sockets, bob.token)
    for number in range(20):
        send(service.unlimited_web, alice, bob, f"live {number}")
    device.expect("new_message", 170)
    assert device.seqs(conversation(alice, bob)) == list(range(1, 171))


def test_lists_counts_and_history_agree_on_both_sides(service: Deployment) -> None:
    alice, bob = friends(service.web, "Alice")
    for number in range(3):
        last = send(service.web, alice, bob, f"to Bob {number}")
    name = conversation(alice, bob)
    wait_until(lambda: unread(service.web, bob, name) == 3, "three unread")
    wait_until(lambda: name in conversations(service.web, alice), "Alice's own list")
    bobs, alices = conversations(service.web, bob)[name], conversations(service.web, alice)[name]
    assert (bobs["name"], bobs["friend_id"], bobs["unread_count"], bobs["last_seq"]) == ("Alice", alice.id, 3, 3)
    assert (alices["friend_id"], alices["unread_count"]) == (bob.id, 0)
    assert bobs["last_message"] == alices["last_message"] == last
    assert history(service.web, alice, name) == history(service.web, bob, name)
    assert unread(service.web, alice) == 0
    assert unread(service.web, bob) == 3


def test_a_retry_answers_the_stored_message(service: Deployment) -> None:
    alice, bob = friends(service.web)
    body = {"to_user_id": bob.id, "content": "once", "client_msg_id": "a key"}
    first = answer(service.web.post("/message/v1/send", body, alice.token))
    again = answer(service.web.post("/message/v1/send", body, alice.token))
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["message"] == again["message"]
    assert len(history(service.web, bob, conversation(alice, bob))) == 1


def test_all_three_connections_of_a_user_get_the_message(service: Deployment) -> None:
    alice, bob = friends(service.web)
    devices = [Device(service.sockets, bob.token).online() for _ in range(3)]
    message = send(service.web, alice, bob)
    assert [device.expect("new_message") for device in devices] == [[message]] * 3


def test_a_ticket_opens_one_socket(service: Deployment) -> None:
    alice, _ = friends(service.web)
    ticket = answer(service.web.post("/message/v1/ws/ticket", token=alice.token))
    assert ticket["expires_in"] == 30
    device = Device(service.sockets, query=f"?ticket={ticket['ticket']}&user_id={alice.id}").online()
    assert device.of("hello")[0]["user_id"] == alice.id


def test_a_token_may_come_as_a_subprotocol(service: Deployment) -> None:
    alice, _ = friends(service.web)
    device = Device(service.sockets, subprotocols=["bearer", alice.token]).online()
    assert device.subprotocol == "bearer"
    assert device.of("hello")[0]["user_id"] == alice.id


def test_a_ping_is_answered_with_the_time(service: Deployment) -> None:
    alice, _ = friends(service.web)
    device = Device(service.sockets, alice.token).online()
    device.say("ping", {})
    assert device.expect("pong")[0]["server_time"] >= device.of("hello")[0]["server_time"]
