"""Tests that the demo client keeps a written message, and sends it until it is stored or refused for good."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Request, Route, WebSocketRoute, expect

from tests.journeys.window import Window, text_of
from tests.people import User, Web, answer, befriend, conversation, friends, history, send

SEND = "**/message/v1/send"
SOCKET = "**/message/v1/ws?*"

Frame = dict[str, Any]


def between(window: Window, *, up: Callable[[Frame], Frame | None], down: Callable[[Frame], bool]) -> None:
    """Stand between the page and the server from now on.

    `up` returns the frame that answers a frame of the page, or None to pass it on. `down` says which frames of the
    server reach the page.
    """

    def stand(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def from_page(raw: str | bytes) -> None:
            answered = up(json.loads(raw))
            if answered is None:
                server.send(raw)
            elif answered:
                page.send(json.dumps(answered))

        def from_server(raw: str | bytes) -> None:
            if down(json.loads(raw)):
                page.send(raw)

        page.on_message(from_page)
        server.on_message(from_server)

    window.page.route_web_socket(SOCKET, stand)
    window.page.reload()
    window.expect_online()


def refuse_over_the_socket(window: Window) -> None:
    """Answer every send over the socket as one does whose database is away."""

    def up(frame: Frame) -> Frame | None:
        if frame["type"] != "send":
            return None
        refused = {"code": 100014, "detail": "not now", "type": "send"}
        return {"type": "error", "content": refused | {"client_msg_id": frame["content"]["client_msg_id"]}}

    between(window, up=up, down=lambda _: True)


def calls(window: Window) -> list[str]:
    """Returns a list that collects the bodies of all sends by REST from now on."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith("/message/v1/send"):
            found.append(request.post_data or "")

    window.page.on("request", note)
    return found


def refuse(window: Window, status: int, **headers: str) -> list[float]:
    """Answer every send by REST with an error status. Returns a list that collects when each was tried, in seconds."""
    tried: list[float] = []

    def fulfil(route: Route) -> None:
        tried.append(time.monotonic())
        problem = {"title": "not now", "status": status, "code": 100014}
        route.fulfill(status=status, json=problem, headers=headers, content_type="application/problem+json")

    window.expected_fault = f"status of {status}"
    window.page.route(SEND, fulfil)
    return tried


def wait_for(window: Window, holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, while the window runs on. Fails after 20 s."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        window.page.wait_for_timeout(50)


def test_what_was_written_without_a_link_is_sent_when_it_is_back(
    windows: tuple[Window, Window], pair: tuple[User, User]
) -> None:
    (alice, bob), (a, b) = windows, pair
    texts = [text_of(what) for what in ("one", "two", "three")]
    alice.open_chat_of_friend(b.username)
    bob.open_chat_of_friend(a.username)
    alice.cut_link()
    for text in texts:
        alice.send(text)
    for text in texts:
        expect(alice.message(text)).to_have_attribute("data-status", "sending")
    expect(alice.find("retry").first).to_be_hidden()
    alice.restore_link()
    bob.expect_texts(*texts)
    alice.expect_texts(*texts)
    for text in texts:
        alice.expect_delivered(text)
    expect(alice.find("toast")).to_have_count(0)


def test_what_waits_outlives_a_reload_and_is_stored_once(
    windows: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, _), (a, b) = windows, pair
    text = text_of("kept")
    refuse_over_the_socket(alice)
    tried = refuse(alice, 503, **{"Retry-After": "1"})
    alice.open_chat_of_friend(b.username)
    alice.send(text)
    wait_for(alice, lambda: len(tried) >= 1)
    alice.page.reload()
    wait_for(alice, lambda: len(tried) >= 2)
    alice.open_chat_of_friend(b.username)
    expect(alice.message(text)).to_have_attribute("data-status", "sending")
    expect(alice.message(text).get_by_test_id("retry")).to_be_hidden()
    alice.page.unroute(SEND)
    alice.expect_delivered(text)
    alice.page.reload()
    alice.open_conversation(b.username)
    alice.expect_texts(text)
    assert [message["content"] for message in history(rest, a, conversation(a, b))] == [text]

    refuse(alice, 503)
    alice.send("never sent")
    alice.find("logout").click()
    expect(alice.find("sign-in")).to_be_visible()
    assert alice.page.evaluate("sessionStorage.getItem('im-pending')") is None, "a log out forgets it"


def test_messages_go_over_the_socket(windows: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, bob), (a, b) = windows, pair
    by_rest = calls(alice)
    alice.open_chat_of_friend(b.username)
    bob.open_chat_of_friend(a.username)
    for text in ("one", "two"):
        alice.send(text)
        alice.expect_delivered(text)
    bob.expect_texts("one", "two")
    assert by_rest == []


@pytest.mark.parametrize("lost", ["the message", "the answer"])
def test_what_the_socket_does_not_answer_goes_by_rest_and_is_stored_once(
    windows: tuple[Window, Window], pair: tuple[User, User], rest: Web, lost: str
) -> None:
    (alice, bob), (a, b) = windows, pair
    if lost == "the message":
        between(alice, up=lambda frame: {} if frame["type"] == "send" else None, down=lambda _: True)
    else:  # also the push of it, which would do as an answer
        between(alice, up=lambda _: None, down=lambda frame: frame["type"] not in ("sent", "new_message"))
    by_rest = calls(alice)
    alice.open_chat_of_friend(b.username)
    bob.open_chat_of_friend(a.username)
    alice.send("hello")
    bob.expect_received("hello")
    wait_for(alice, lambda: len(by_rest) == 1)
    expect(alice.message("hello")).not_to_have_attribute("data-status", "sending")
    alice.expect_texts("hello")
    assert [message["content"] for message in history(rest, a, conversation(a, b))] == ["hello"]
    expect(alice.find("toast")).to_have_count(0)


def test_the_servers_wish_is_heeded(windows: tuple[Window, Window], pair: tuple[User, User]) -> None:
    (alice, _), (_, b) = windows, pair
    refuse_over_the_socket(alice)
    alice.open_chat_of_friend(b.username)
    tried = refuse(alice, 429, **{"Retry-After": "2"})
    alice.send("soon")
    wait_for(alice, lambda: len(tried) >= 2)
    assert tried[1] - tried[0] >= 1.9  # a timer may fire a little early
    alice.page.unroute(SEND)
    alice.expect_delivered("soon")


def test_a_final_refusal_is_shown_and_repeated_by_hand_alone(
    windows: tuple[Window, Window], pair: tuple[User, User], rest: Web
) -> None:
    (alice, _), (a, b) = windows, pair
    send(rest, a, b, "before")
    alice.open_conversation(b.username)
    answer(rest.post("/friend/v1/delete", {"user_id": a.id}, b.token))
    for text in ("refused", "given up"):
        alice.write(text)
        expect(alice.message(text)).to_have_attribute("data-failed", "true")
    alice.message("given up").get_by_test_id("discard").click()
    alice.expect_texts("before", "refused")

    befriend(rest, a, b)
    alice.page.reload()
    alice.open_conversation(b.username)
    alice.expect_texts("before", "refused")
    expect(alice.message("refused")).to_have_attribute("data-failed", "true")
    assert len(history(rest, a, conversation(a, b))) == 1
    alice.message("refused").get_by_test_id("retry").click()
    alice.expect_delivered("refused")


def test_what_waits_is_bounded_and_nothing_written_is_lost(windows: tuple[Window, Window], rest: Web) -> None:
    alice, _ = windows
    a, b = friends(rest)
    alice.sign_in(a)
    alice.open_chat_of_friend(b.username)
    alice.cut_link()
    for number in range(20):
        alice.write(f"{number:5000d}".replace(" ", "x"))
    expect(alice.find("message")).to_have_count(20)
    alice.write("one too many")
    expect(alice.find("toast")).to_have_text("Too many messages wait to be sent.")
    expect(alice.find("composer")).to_have_value("one too many")
