"""Tests of which requests become a WebSocket, and of the answers to the others."""

from typing import Any

import pytest
from flask import Flask, Response, request

from realtime import handshake

GOOD = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def asked(headers: dict[str, str], **options: Any) -> bytes | Response:
    with Flask(__name__).test_request_context("/message/v1/ws", headers=headers, **options):
        return handshake.accept(request)


def answered(headers: dict[str, str]) -> dict[str, str]:
    """Returns the headers of a 101 answer."""
    answer = asked(headers)
    assert isinstance(answer, bytes)
    status, *lines = answer.decode().rstrip().split("\r\n")
    assert status == "HTTP/1.1 101 Switching Protocols"
    return dict(line.lower().split(": ", 1) for line in lines)


def test_a_proper_request_is_accepted() -> None:
    headers = answered(GOOD)
    assert headers["sec-websocket-accept"] == "s3pplmbitxaq9kygzzhzrbk+xoo="  # from RFC 6455, 1.3, in lower case
    assert headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    ("offered", "chosen"), [("bearer, a.b.c", "bearer"), ("chat", None), ("chat, bearer", "bearer"), ("", None)]
)
def test_bearer_alone_is_chosen_and_others_are_no_fault(offered: str, chosen: str | None) -> None:
    assert answered(GOOD | {"Sec-WebSocket-Protocol": offered}).get("sec-websocket-protocol") == chosen


def test_no_extension_is_accepted() -> None:
    offered = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}
    assert "sec-websocket-extensions" not in answered(GOOD | offered)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"Sec-WebSocket-Key": "short"}, 400),
        ({"Sec-WebSocket-Version": "8"}, 400),
        ({"Sec-WebSocket-Protocol": "\u00e9,,;"}, 400),
        ({"Transfer-Encoding": "chunked"}, 400),
        ({"Upgrade": "h2c"}, 426),
        ({"Connection": "close"}, 426),
    ],
    ids=repr,
)
def test_a_request_that_is_no_handshake_is_refused(wrong: dict[str, str], status: int) -> None:
    answer = asked(GOOD | wrong)
    assert isinstance(answer, Response)
    assert answer.status_code == status


def test_a_handshake_with_a_body_is_refused() -> None:
    answer = asked(GOOD, data=b"hello")
    assert isinstance(answer, Response)
    assert answer.status_code == 400


def test_a_proxy_that_speaks_http_1_0_may_pass_an_upgrade_on() -> None:
    assert isinstance(asked(GOOD, environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"}), bytes)


def test_gunicorn_is_told_to_let_go_of_a_socket_that_was_used_up() -> None:
    with pytest.raises(StopIteration):
        handshake.Over()({}, lambda *_: None)
