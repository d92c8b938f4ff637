"""Tests of a sender who hangs up while their message waits for its turn."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psutil

from tests.journeys import storage
from tests.people import User, Web, conversation, friends, history, send
from tests.processes import wait_until
from tests.stack import Stack

_HEAD = "SELECT shard FROM im_conversation_head WHERE conversation_id = :name FOR UPDATE"


def post(url: str, sender: User, recipient: User, content: str) -> socket.socket:
    """Post a message without reading the answer. Returns the connection."""
    place = urlsplit(url)
    body = json.dumps({"to_user_id": recipient.id, "content": content}).encode()
    head = (
        f"POST /message/v1/send HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {sender.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    connection = socket.create_connection((place.hostname, place.port))
    connection.sendall(head.encode() + body)
    return connection


def held(stack: Stack, port: int) -> bool:
    """Returns whether the web process still has the connection that came from this port."""
    leader = psutil.Process(stack.named("web")[0].pid)
    family = [leader, *leader.children(recursive=True)]
    return any(each.raddr and each.raddr.port == port for process in family for each in process.net_connections())


def test_what_its_sender_has_given_up_before_its_turn_is_not_stored(web: Web, stack: Stack) -> None:
    alice, bob = friends(web)
    name = conversation(alice, bob)
    send(web, alice, bob, "first")
    with ThreadPoolExecutor() as pool:
        with storage.locked(stack, _HEAD, name=name):
            second = pool.submit(send, web, alice, bob, "second")
            wait_until(lambda: storage.lock_waits(stack), "a batch to wait for the head")
            with post(web.url, alice, bob, "given up") as connection:
                port = connection.getsockname()[1]
                wait_until(lambda: held(stack, port), "the service to take the connection")
        assert second.result()["seq"] == 2
    wait_until(lambda: not held(stack, port), "the service to be done with the request")
    assert [found["content"] for found in history(web, alice, name, after_seq=0)] == ["first", "second"]
