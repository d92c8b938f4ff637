"""Tests of request bodies: their size, encoding and speed. They write raw bytes to the real process."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.people import User, Web, conversation, friends, history
from tests.processes import PATIENCE
from tests.stack import Door, Stack

PATH = "/message/v1/send"
MOST = 256 * 1024


@pytest.fixture(scope="module")
def pair(stack: Stack) -> tuple[User, User]:
    return friends(Web(stack.web_url))


def head(user: User, *more: str, content_type: str = "application/json") -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {user.token}", *more]
    return "\r\n".join([*lines, f"Content-Type: {content_type}", "", ""]).encode()


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


def said(url: str, *parts: bytes) -> bytes:
    """Send raw bytes. Returns all that the server answers until it hangs up. Fails when it does not."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def problem(answer: bytes) -> tuple[int, int]:
    """Returns the status and the code of a problem document."""
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in top
    found: dict[str, Any] = json.loads(body)
    assert top.split()[1] == b"%d" % found["status"]
    return found["status"], found["code"]


def message(pair: tuple[User, User], *, length: int = 0) -> bytes:
    """Returns the body of a send, padded to `length` bytes with blanks, which JSON allows."""
    return json.dumps({"to_user_id": pair[1].id, "content": "hello"}).encode().ljust(length)


def test_a_body_in_chunks_is_read_whole_and_ends_the_connection(stack: Stack, pair: tuple[User, User]) -> None:
    whole = message(pair, length=MOST)
    answer = said(stack.web_url, head(pair[0], "Transfer-Encoding: chunked"), chunked(whole[:10], whole[10:]))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("rest", [b" ", b" " * 100_000 + b"no JSON"], ids=["a little", "much"])
def test_more_than_the_limit_in_chunks_is_refused_and_not_cut(
    web: Web, stack: Stack, pair: tuple[User, User], rest: bytes
) -> None:
    before = history(web, pair[0], conversation(*pair))
    sent = chunked(message(pair, length=MOST), rest)
    answer = said(stack.web_url, head(pair[0], "Transfer-Encoding: chunked"), sent)
    assert problem(answer) == (413, 104006)
    assert history(web, pair[0], conversation(*pair)) == before


def test_a_body_of_the_limit_is_read_and_one_byte_more_is_refused(web: Web, pair: tuple[User, User]) -> None:
    headers = {"Content-Type": "application/json"}
    for length, status in ((MOST, 200), (MOST + 1, 413), (MOST + 2, 413)):
        sent = message(pair, length=length)
        assert web.post(PATH, data=sent, headers=headers, token=pair[0].token).status_code == status


def test_chunks_without_end_are_not_drained(stack: Stack, pair: tuple[User, User]) -> None:
    endless = chunked(message(pair, length=MOST), b" " * 2_048).removesuffix(b"0\r\n\r\n")
    assert problem(said(stack.web_url, head(pair[0], "Transfer-Encoding: chunked"), endless)) == (413, 104006)


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Content-Length: 5"])
def test_another_content_type_is_refused_however_it_is_sent(stack: Stack, pair: tuple[User, User], header: str) -> None:
    sent = head(pair[0], header, "Connection: close", content_type="text/plain")
    assert problem(said(stack.web_url, sent)) == (415, 100013)


@pytest.fixture(scope="module")
def hasty(stack: Stack) -> Iterator[Door]:
    """Yields a web process of `stack` that waits half a second for a body."""
    door = stack.add_door("hasty", "tests.web.wsgi_hasty:web")
    yield door
    door.kill()


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Content-Length: 50"])
def test_a_half_sent_body_is_not_waited_for(hasty: Door, pair: tuple[User, User], header: str) -> None:
    assert problem(said(hasty.url, head(pair[0], header), b"5\r\n{")) == (408, 100002)
