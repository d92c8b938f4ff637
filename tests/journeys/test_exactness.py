"""Tests 2,000 messages of 20 senders to 10 recipients, 16 at a time, each tenth retried: seqs and counts are exact."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.device import Device
from tests.people import User, Web, answer, befriend, conversation, history, new_user, unread
from tests.processes import wait_until
from tests.stack import Stack

SENDERS, RECIPIENTS, MESSAGES, AT_ONCE = 20, 10, 2_000, 16


def test_under_load_every_recipient_sees_each_message_once_and_in_order(web: Web, stack: Stack) -> None:
    senders = [new_user(web) for _ in range(SENDERS)]
    recipients = [new_user(web) for _ in range(RECIPIENTS)]
    for sender in senders:
        for recipient in recipients:
            befriend(web, sender, recipient)
    devices = {user.id: Device(stack.realtime_urls[0], user.token).online() for user in recipients}

    def send_one(number: int) -> list[dict[str, Any]]:
        sender, recipient = senders[number % SENDERS], recipients[number // SENDERS % RECIPIENTS]
        body = {"to_user_id": recipient.id, "content": f"number {number}", "client_msg_id": f"key {number}"}
        times = 2 if number % 10 == 0 else 1
        return [answer(web.post("/message/v1/send", body, sender.token)) for _ in range(times)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send_one, range(MESSAGES)))

    sent: dict[str, set[int]] = defaultdict(set)
    for first, *retries in answers:
        assert not first["duplicate"]
        assert all(retry["duplicate"] and retry["message"]["id"] == first["message"]["id"] for retry in retries)
        sent[first["message"]["conversation_id"]].add(first["message"]["seq"])
    assert sum(map(len, sent.values())) == MESSAGES
    for recipient in recipients:
        check_recipient(web, recipient, senders, devices[recipient.id], sent)


def check_recipient(web: Web, user: User, senders: list[User], device: Device, sent: dict[str, set[int]]) -> None:
    names = [conversation(user, sender) for sender in senders]
    due = sum(len(sent[name]) for name in names)
    device.wait(lambda: len(device.messages) >= due, f"{due} messages")
    for name in names:
        dense = list(range(1, len(sent[name]) + 1))
        assert sorted(sent[name]) == dense
        assert device.seqs(name) == dense, "each once, in order"
        assert [message["seq"] for message in history(web, user, name)] == dense
    wait_until(lambda: unread(web, user) == due, f"{due} unread, not {unread(web, user)}")
