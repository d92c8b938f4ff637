"""Drives the demo client in a real browser, one window for each user."""

import re
import uuid
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from tests.people import User

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000
DELIVERED = re.compile("^[23]$")
RECALLED = "This message was recalled"  # the page's English text, whatever the server's is
NO_NETWORK = "ERR_INTERNET_DISCONNECTED"  # the browser's own error for a call while its link is cut

expect.set_options(timeout=PATIENCE_MS)


class Window:
    """One user's browser window. `faults` holds every console error, CSP violations included."""

    def __init__(self, browser: Browser, url: str, *, locale: str = "en-GB", **options: Any) -> None:
        self.context = browser.new_context(base_url=url, locale=locale, **options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.faults: list[str] = []
        self.expected_fault = NO_NETWORK  # a regular expression
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto("/")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not re.search(f"{NO_NETWORK}|{self.expected_fault}", message.text):
            self.faults.append(f"{message.text} {message.location}")

    def find(self, testid: str) -> Locator:
        return self.page.get_by_test_id(testid)

    def sign_in_as(self, demo_user: str) -> None:
        self.find(f"demo-{demo_user}").click()
        self.expect_online()

    def sign_in(self, user: User) -> None:
        self.find("username").fill(user.username)
        self.find("password").fill("a long password")
        self.find("sign-in").click()
        self.expect_online()

    def register(self, username: str) -> None:
        self.fill_in_registration(username, "a long password")
        self.find("register").click()
        self.expect_online()

    def fill_in_registration(self, username: str, password: str) -> None:
        self.find("to-register").click()
        self.find("new-username").fill(username)
        self.find("new-password").fill(password)

    def switch_language(self) -> None:
        self.page.locator("[data-testid=language]:visible").click()

    def expect_online(self) -> None:
        expect(self.find("connection-state")).to_have_attribute("data-state", "online")

    def friend(self, name: str) -> Locator:
        return self._of("friend", name)

    def conversation(self, name: str) -> Locator:
        return self._of("conversation", name)

    def _of(self, testid: str, name: str) -> Locator:
        return self.find(testid).filter(has=self.page.get_by_text(re.compile(f"^{name}$", re.IGNORECASE)))

    def open_chat_of_friend(self, name: str) -> None:
        self.find("tab-people").click()
        self.friend(name).click()
        expect(self.find("composer")).to_be_visible()

    def open_conversation(self, name: str) -> None:
        self.conversation(name).click()
        expect(self.find("composer")).to_be_visible()

    def badge(self, name: str) -> Locator:
        return self.conversation(name).get_by_test_id("unread-badge")

    def arrange(self, name: str, entry: str) -> None:
        self.conversation(name).get_by_test_id("conversation-menu").click()
        self.find(entry).click()

    def choose(self, text: str, entry: str) -> None:
        self.message(text).get_by_test_id("message-menu").click()
        self.find(entry).click()

    def expect_texts(self, *texts: str) -> None:
        """Wait until the chat shows exactly these messages, in this order."""
        expect(self.find("message").locator(".text")).to_have_text(list(texts))

    def delete_for_everyone(self, text: str) -> None:
        self.choose(text, "menu-delete-everyone")
        self.find("confirm").click()

    def cut_link(self) -> None:
        self.context.set_offline(True)
        expect(self.find("connection-state")).not_to_have_attribute("data-state", "online")

    def restore_link(self) -> None:
        self.context.set_offline(False)
        self.expect_online()

    def message(self, text: str) -> Locator:
        return self.find("message").filter(has_text=text)

    def write(self, text: str) -> None:
        """Send a text without waiting for its bubble."""
        self.find("composer").fill(text)
        self.find("send").click()

    def send(self, text: str) -> None:
        self.write(text)
        expect(self.message(text)).to_have_attribute("data-mine", "true")

    def expect_received(self, text: str) -> None:
        expect(self.message(text)).to_have_count(1)
        expect(self.message(text)).to_have_attribute("data-mine", "false")

    def expect_delivered(self, text: str) -> None:
        expect(self.message(text)).to_have_count(1)
        expect(self.message(text)).to_have_attribute("data-status", DELIVERED)


def text_of(what: str) -> str:
    """Returns a text that no other test sends, beginning with `what`."""
    return f"{what} {uuid.uuid4().hex}"
