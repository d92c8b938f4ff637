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
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",  # and may be used
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
        """Returns the elements with a test id."""
        return self.page.get_by_test_id(testid)

    def sign_in_as(self, demo_user: str) -> None:
        """Sign in as a demo user by its button, and wait until the window is online."""
        self.find(f"demo-{demo_user}").click()
        self.expect_online()

    def sign_in(self, user: User) -> None:
        """Sign in by the form, and wait until the window is online."""
        self.find("username").fill(user.username)
        self.find("password").fill("a long password")
        self.find("sign-in").click()
        self.expect_online()

    def register(self, username: str) -> None:
        """Register a user by the form, and wait until the window is online."""
        self.fill_in_registration(username, "a long password")
        self.find("register").click()
        self.expect_online()

    def fill_in_registration(self, username: str, password: str) -> None:
        """Fill in the registration form without submitting it."""
        self.find("to-register").click()
        self.find("new-username").fill(username)
        self.find("new-password").fill(password)

    def switch_language(self) -> None:
        """Click the button that switches the language."""
        self.page.locator("[data-testid=language]:visible").click()

    def expect_online(self) -> None:
        """Wait until the window shows that it is online."""
        expect(self.find("connection-state")).to_have_attribute("data-state", "online")

    def friend(self, name: str) -> Locator:
        """Returns the row of a friend."""
        return self._of("friend", name)

    def conversation(self, name: str) -> Locator:
        """Returns the row of a conversation."""
        return self._of("conversation", name)

    def _of(self, testid: str, name: str) -> Locator:
        return self.find(testid).filter(has=self.page.get_by_text(re.compile(f"^{name}$", re.IGNORECASE)))

    def open_chat_of_friend(self, name: str) -> None:
        """Open the chat with a friend from the list of friends."""
        self.find("tab-people").click()
        self.friend(name).click()
        expect(self.find("composer")).to_be_visible()

    def open_conversation(self, name: str) -> None:
        """Open a conversation from the list."""
        self.conversation(name).click()
        expect(self.find("composer")).to_be_visible()

    def badge(self, name: str) -> Locator:
        """Returns the unread badge of a conversation."""
        return self.conversation(name).get_by_test_id("unread-badge")

    def arrange(self, name: str, entry: str) -> None:
        """Choose an entry of the menu of a conversation."""
        self.conversation(name).get_by_test_id("conversation-menu").click()
        self.find(entry).click()

    def choose(self, text: str, entry: str) -> None:
        """Choose an entry of the menu of a message."""
        self.message(text).get_by_test_id("message-menu").click()
        self.find(entry).click()

    def expect_texts(self, *texts: str) -> None:
        """Wait until the chat shows exactly these messages, in this order."""
        expect(self.find("message").locator(".text")).to_have_text(list(texts))

    def delete_for_everyone(self, text: str) -> None:
        """Delete a message for everyone, and confirm."""
        self.choose(text, "menu-delete-everyone")
        self.find("confirm").click()

    def cut_link(self) -> None:
        """Cut the window off the network, and wait until it shows that."""
        self.context.set_offline(True)
        expect(self.find("connection-state")).not_to_have_attribute("data-state", "online")

    def restore_link(self) -> None:
        """Restore the network, and wait until the window is online."""
        self.context.set_offline(False)
        self.expect_online()

    def message(self, text: str) -> Locator:
        """Returns the messages of the open chat that contain a text."""
        return self.find("message").filter(has_text=text)

    def write(self, text: str) -> None:
        """Send a text without waiting for its bubble."""
        self.find("composer").fill(text)
        self.find("send").click()

    def send(self, text: str) -> None:
        """Send a text, and wait until its bubble shows."""
        self.write(text)
        expect(self.message(text)).to_have_attribute("data-mine", "true")

    def expect_received(self, text: str) -> None:
        """Wait until the chat shows a message of the peer exactly once."""
        expect(self.message(text)).to_have_count(1)
        expect(self.message(text)).to_have_attribute("data-mine", "false")

    def expect_delivered(self, text: str) -> None:
        """Wait until the chat shows an own message exactly once, as delivered or read."""
        expect(self.message(text)).to_have_count(1)
        expect(self.message(text)).to_have_attribute("data-status", DELIVERED)


def text_of(what: str) -> str:
    """Returns a text that no other test sends, beginning with `what`."""
    return f"{what} {uuid.uuid4().hex}"
