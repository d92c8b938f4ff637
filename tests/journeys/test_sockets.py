"""Tests of what a socket refuses, what it survives, and how it ends."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
import requests
import websocket
from sqlalchemy import create_engine, text

from tests import databases
from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, answer, conversation, friends, new_user, send
from tests.processes import wait_until
from tests.stack import Door, Stack


@pytest.fixture
def user(web: Web) -> User:
    return new_user(web)


def refused(stack: Stack, token: str | None = None, **options: Any) -> int:
    with pytest.raises(websocket.WebSocketBadStatusException) as error:
        Device(stack.realtime_urls[0], token, **options)
    return int(error.value.status_code)


def forged(user: User, *, key: str = databases.SECRET, **claims: Any) -> str:
    body = {"sub": str(user.id), "type": "access", "exp": int(time.time()) + 600} | claims
    return jwt.encode({name: value for name, value in body.items() if value is not None}, key, "HS256")


def test_no_token_no_socket(stack: Stack) -> None:
    assert refused(stack) == 401


@pytest.mark.parametrize(
    "claims",
    [
        *({"key": "k" * 40}, {"exp": 1}, {"exp": None}, {"type": "refresh"}),
        *({"sub": "0"}, {"sub": "nobody"}, {"sub": None}),
        *({"fam": [1]}, {"fam": {"a": 1}}, {"jti": 7}, {"jti": "x" * 65}),
    ],
    ids=str,
)
def test_a_bad_token_opens_nothing(stack: Stack, user: User, claims: dict[str, Any]) -> None:
    assert refused(stack, forged(user, **claims)) == 401


def test_a_token_in_the_query_string_is_refused(stack: Stack, user: User) -> None:
    assert refused(stack, query=f"?token={user.token}&access_token={user.token}") == 401


def test_a_refresh_token_opens_nothing(stack: Stack, user: User) -> None:
    assert refused(stack, user.refresh_token) == 401


def test_user_id_is_only_a_check(stack: Stack, user: User) -> None:
    assert refused(stack, user.token, query=f"?user_id={user.id + 1}") == 403
    Device(stack.realtime_urls[0], user.token, query=f"?user_id={user.id}").online()


def test_a_foreign_origin_is_refused(stack: Stack, user: User) -> None:
    options = {"suppress_origin": False, "origin": "http://evil.example"}
    assert refused(stack, user.token, **options) == 403


def test_a_ticket_is_good_once(web: Web, stack: Stack, user: User) -> None:
    query = f"?ticket={answer(web.post('/message/v1/ws/ticket', token=user.token))['ticket']}"
    Device(stack.realtime_urls[0], query=query).online()
    assert refused(stack, query=query) == 401
    assert refused(stack, query="?ticket=invented") == 401


def test_a_ticket_is_good_for_30_seconds(web: Web, stack: Stack, user: User) -> None:
    query = f"?ticket={answer(web.post('/message/v1/ws/ticket', token=user.token))['ticket']}"
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE im_ws_ticket SET expires_at = expires_at - INTERVAL 31 SECOND"))
    engine.dispose()
    assert refused(stack, query=query) == 401


def test_a_revoked_token_closes_its_sockets_and_opens_no_other(web: Web, stack: Stack, user: User) -> None:
    device = Device(stack.realtime_urls[0], user.token).online()
    ticket = answer(web.post("/message/v1/ws/ticket", token=user.token))["ticket"]
    answer(web.post("/user/v1/logout", token=user.token))
    assert device.wait_closed() == 1008
    assert refused(stack, user.token) == 401
    assert refused(stack, query=f"?ticket={ticket}") == 401, "a ticket inherits its token's revocation"


def test_an_expiring_token_closes_its_socket(stack: Stack, user: User) -> None:
    device = Device(stack.realtime_urls[0], forged(user, exp=int(time.time()) + 3)).online()
    assert device.wait_closed() == 1008


def test_a_frame_over_64_kib_closes_1009(stack: Stack, user: User) -> None:
    device = Device(stack.realtime_urls[0], user.token).online()
    device.send("x" * (65 * 1024))
    assert device.wait_closed() == 1009


def test_a_ping_may_carry_anything_and_hello_is_always_first(stack: Stack, user: User) -> None:
    for content in (None, 1, "x", [1], {"a": 1}):
        device = Device(stack.realtime_urls[0], user.token)
        device.say("ping", content)
        device.say("nonsense")
        device.expect("pong")
        device.expect("error")
        assert device.frames[0]["type"] == "hello"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00\x01", None),
        ("not JSON", None),
        ('{"content": {}}', None),
        ("[]", None),
        ('{"type": "ack", "content": 1}', "ack"),
        ('{"type": "no such"}', "no such"),
        ('{"type": "ack", "content": {"conversation_id": "1_2", "seq": true}}', "ack"),
        ('{"type": "ack", "content": {"conversation_id": "1_2", "seq": 9223372036854775808}}', "ack"),
        ('{"type": "ack", "content": {"seq": NaN}}', None),
    ],
    ids=repr,
)
def test_a_bad_frame_is_answered_and_the_socket_lives(
    stack: Stack, user: User, data: str | bytes, kind: str | None
) -> None:
    device = Device(stack.realtime_urls[0], user.token).online()
    device.send(data, binary=isinstance(data, bytes))
    error = device.expect("error")[0]
    assert (error["code"], error["type"]) == (100002, kind)
    device.say("ping")
    device.expect("pong")


def test_the_21st_connection_of_a_user_is_refused(stack: Stack, user: User) -> None:
    devices = [Device(stack.realtime_urls[0], user.token).online() for _ in range(20)]
    assert Device(stack.realtime_urls[0], user.token).wait_closed() == 4001
    devices[0].close()
    wait_until(lambda: _opens(stack, user), "the place of the one that left")
    for device in devices:
        device.close()


def _opens(stack: Stack, user: User) -> bool:
    device = Device(stack.realtime_urls[0], user.token)
    device.wait(lambda: device.of("backlog_end") or device.gone, "an end either way")
    opened = not device.gone
    device.close()
    return opened


def test_a_reader_that_never_reads_harms_nobody_else(unlimited_web: Web, stack: Stack) -> None:
    alice, bob = friends(unlimited_web)
    stuck = Device(stack.realtime_urls[0], bob.token, reads=False)
    good = Device(stack.realtime_urls[0], bob.token).online()
    for _ in range(700):
        send(unlimited_web, alice, bob, "x" * 5_000)
    good.wait(lambda: good.seqs(conversation(alice, bob))[-1:] == [700], "all to arrive on the other device")
    assert good.seqs(conversation(alice, bob)) == list(range(1, 701))
    stuck.read_on()
    stuck.wait(lambda: stuck.gone or stuck.of("resync"), "it to be closed as too slow, or told to catch up")
    assert stuck.close_code in (1013, None)


def test_who_guesses_is_limited_and_others_at_the_address_are_not(stack: Stack, user: User) -> None:
    relay = stack.add("realtime")
    assert isinstance(relay, Door)
    answers = []
    for number in range(70):
        with pytest.raises(websocket.WebSocketBadStatusException) as error:
            Device(relay.url, query=f"?ticket=guess{number}")
        answers.append(error.value.status_code)
    assert answers == [401] * 60 + [429] * 10
    Device(relay.url, user.token).online()


@pytest.fixture
def burst(fresh_stack: Stack) -> tuple[Stack, Web, User, User, Device]:
    """Returns a deployment, its web door, two friends, and an online device of the second."""
    fresh_stack.start(rpc=0, RATE_LIMITS="0")
    web = Web(fresh_stack.web_url)
    alice, bob = friends(web)
    return fresh_stack, web, alice, bob, Device(fresh_stack.realtime_urls[0], bob.token).online()


@pytest.mark.parametrize("standing_still", ["worker", "realtime"])
def test_a_burst_of_the_largest_messages_closes_no_reader(
    burst: tuple[Stack, Web, User, User, Device], standing_still: str
) -> None:
    stack, web, alice, bob, device = burst
    process = stack.named(standing_still)[0]
    process.freeze()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: send(web, alice, bob, "\U0001f600" * 5_000, extra={"x": "y" * 8_000}), range(150)))
    if standing_still == "realtime":
        wait_until(lambda: storage.outbox(stack) == 0, "all to be published")
    process.thaw()
    name = conversation(alice, bob)
    device.wait(lambda: set(device.seqs(name)) == set(range(1, 151)), "all to arrive")
    assert device.seqs(name) == sorted(device.seqs(name))
    assert not device.gone


@pytest.mark.parametrize("opcode", [websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG, websocket.ABNF.OPCODE_TEXT])
def test_a_flood_of_frames_of_any_kind_is_closed(stack: Stack, user: User, opcode: int) -> None:
    flooding = Device(stack.realtime_urls[0], user.token).online()
    other = Device(stack.realtime_urls[0], user.token).online()
    with contextlib.suppress(OSError, websocket.WebSocketException):  # the relay closes the socket before all are sent
        for _ in range(5_000):
            flooding.send_frame(b"12345678", opcode)
    assert flooding.wait_closed() == 1008
    other.say("ping")
    other.expect("pong")


def test_a_flood_of_fragments_is_closed(stack: Stack, user: User) -> None:
    flooding = Device(stack.realtime_urls[0], user.token).online()
    with contextlib.suppress(OSError, websocket.WebSocketException):
        flooding.send_frame(b"x", websocket.ABNF.OPCODE_TEXT, last=False)
        for _ in range(5_000):
            flooding.send_frame(b"x", websocket.ABNF.OPCODE_CONT, last=False)
    assert flooding.wait_closed() == 1008


def test_a_handshake_with_a_body_is_refused_and_no_fault(stack: Stack, user: User) -> None:
    handshake = {
        "Authorization": f"Bearer {user.token}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    url = f"{stack.realtime_urls[0]}/message/v1/ws"
    assert requests.get(url, headers=handshake, data=iter([b"in", b"chunks"]), timeout=10).status_code == 400
    assert "Traceback" not in stack.named("realtime")[0].output()


def test_compression_is_never_accepted(stack: Stack, user: User) -> None:
    offered = [f"Authorization: Bearer {user.token}", "Sec-WebSocket-Extensions: permessage-deflate"]
    device = Device(stack.realtime_urls[0], header=offered).online()
    assert "sec-websocket-extensions" not in device.response_headers


def test_on_sigterm_every_socket_is_told_to_come_back(fresh_stack: Stack) -> None:
    fresh_stack.start(beat=0)
    web = Web(fresh_stack.web_url)
    devices = [Device(fresh_stack.realtime_urls[0], new_user(web).token).online() for _ in range(5)]
    fresh_stack.named("realtime")[0].terminate()
    assert [device.wait_closed() for device in devices] == [1012] * 5
    assert all(device.of("reconnect")[0]["after_ms"] >= 0 for device in devices)


def test_a_relay_that_ends_sends_newcomers_elsewhere_before_they_have_a_socket(fresh_stack: Stack) -> None:
    fresh_stack.start(beat=0)
    user = new_user(Web(fresh_stack.web_url))
    device = Device(fresh_stack.realtime_urls[0], user.token).online()
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(fresh_stack.named("realtime")[0].terminate)
        device.expect("reconnect")
        with pytest.raises((websocket.WebSocketBadStatusException, OSError)) as refused:
            Device(fresh_stack.realtime_urls[0], user.token)
        ended.result()
    if isinstance(refused.value, websocket.WebSocketBadStatusException):  # else it had stopped listening
        assert (refused.value.status_code, refused.value.resp_headers["retry-after"]) == (503, "1")
