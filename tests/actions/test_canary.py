"""Tests of one round of the canary: against real processes, and against what is not there."""

import socket
import time
from collections.abc import Iterator

import pytest

from actions import canary
from actions.canary import Failed, Route
from infra.settings import settings
from tests import databases
from tests.people import Web, befriend, conversation, history, new_user, unread
from tests.processes import free_port
from tests.stack import Stack


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in databases.environment("sqlite://", "redis://127.0.0.1:1/0").items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def nothing() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_a_round_sends_receives_and_reads(stack: Stack) -> None:
    web = Web(stack.web_url)
    alice, bob = new_user(web), new_user(web)
    way = Route(stack.web_url, stack.realtime_urls[0], (alice.id, bob.id))
    with pytest.raises(Failed, match=r"^send: HTTPError: HTTP Error 403"):
        canary.fly(way)  # they are not friends
    befriend(web, alice, bob)
    for _ in range(2):
        assert set(canary.fly(way)) == {"connect", "send", "receive", "read"}
    assert unread(web, bob) == 0
    (newest, _, *_) = history(web, bob, conversation(alice, bob))
    assert (newest["from_user_id"], newest["status"]) == (alice.id, 3)


def test_each_step_that_fails_is_named(stack: Stack, nothing: str) -> None:
    with pytest.raises(Failed, match=r"^connect: ConnectionRefusedError"):
        canary.fly(Route(stack.web_url, nothing, (1, 2)))
    with pytest.raises(Failed, match=r"^send: URLError"):
        canary.fly(Route(nothing, stack.realtime_urls[0], (1, 2)))


def test_who_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "ROUND_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(Failed, match=r"^connect: "):
            canary.fly(Route("http://127.0.0.1:1", f"http://127.0.0.1:{silent.getsockname()[1]}", (1, 2)))
        assert time.monotonic() - began < 3
