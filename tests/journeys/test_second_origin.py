"""Tests of a page of another origin in a real browser: what ALLOWED_ORIGINS permits, and to which origins."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.people import Web, befriend, history, new_user
from tests.stack import Stack

CLIENT = """
async ({ web, sockets, username, friend }) => {
  async function call(path, body, token) {
    const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(web + path, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, ...(await answer.json()) };
  }
  const refused = await call("/message/v1/unread", {}, "no token");
  const login = await call("/user/v1/login", { username, password: "a long password" });
  const { ticket } = await call("/message/v1/ws/ticket", {}, login.access_token);
  const socket = new WebSocket(`${sockets.replace("http", "ws")}/message/v1/ws?ticket=${ticket}`);
  const arrived = new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "new_message") resolve(frame.content);
    };
    socket.onclose = () => reject(new Error("the socket was closed"));
  });
  await new Promise((resolve) => (socket.onopen = resolve));
  const sent = await call("/message/v1/send", { to_user_id: friend, content: "from afar" }, login.access_token);
  return { refused, sent, arrived: await arrived };
}
"""


class Front(ThreadingHTTPServer):
    """A web server of another origin, with one empty page."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Blank)
        self.origin = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def fronts() -> Iterator[tuple[Front, Front]]:
    both = Front(), Front()
    yield both
    for front in both:
        front.shutdown()
        front.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


def page_of(browser: Browser, front: Front) -> Page:
    page = browser.new_page()
    page.goto(front.origin)
    return page


def test_a_page_of_an_allowed_origin_is_a_whole_client_and_another_is_none(
    stack: Stack, browser: Browser, fronts: tuple[Front, Front]
) -> None:
    allowed, foreign = fronts
    door = stack.add("web", ALLOWED_ORIGINS=allowed.origin)
    relay = stack.add("realtime", ALLOWED_ORIGINS=allowed.origin)
    web = Web(door.url)  # type: ignore[attr-defined]
    alice, bob = new_user(web), new_user(web)
    befriend(web, alice, bob)
    told = {"web": web.url, "sockets": relay.url, "username": alice.username, "friend": bob.id}  # type: ignore[attr-defined]

    found = page_of(browser, allowed).evaluate(CLIENT, told)
    assert (found["refused"]["status"], found["refused"]["code"]) == (401, 100008)
    assert (found["sent"]["status"], found["arrived"]["content"]) == (200, "from afar")
    stored = history(web, bob, found["arrived"]["conversation_id"])
    assert [each["content"] for each in stored] == ["from afar"]

    outcome = page_of(browser, foreign).evaluate(f"(told) => ({CLIENT})(told).then(() => '', String)", told)
    assert outcome == "TypeError: Failed to fetch"
