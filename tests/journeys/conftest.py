"""Fixtures for journeys through each way to run the service, and through the demo client in a browser."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.embedded_run import EmbeddedRun
from tests.journeys.window import ARGUMENTS, CHROMIUM, Window
from tests.people import User, Web, friends


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running service: its REST door, a second door without limits, and the URL of its sockets."""

    web: Web
    unlimited_web: Web
    sockets: str


@pytest.fixture(params=["stack", "embedded"])
def service(request: pytest.FixtureRequest) -> Deployment:
    """Run the test twice: on the Procfile's processes with MariaDB and Redis, and on the embedded default."""
    running = request.getfixturevalue(request.param)
    if request.param == "stack":
        unlimited_web = request.getfixturevalue("unlimited_web")
        return Deployment(Web(running.web_url), unlimited_web, running.realtime_urls[0])
    return Deployment(Web(running.url), Web(running.url), running.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yields a browser that the tests of a module share."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def windows(browser: Browser, embedded: EmbeddedRun) -> Iterator[tuple[Window, Window]]:
    """Yields two windows that share nothing, and fails afterwards when either has shown an error."""
    both = Window(browser, embedded.url), Window(browser, embedded.url)
    yield both
    faults = [window.faults for window in both]
    for window in both:
        window.context.close()
    assert faults == [[], []]


@pytest.fixture
def rest(embedded: EmbeddedRun) -> Web:
    """Returns the REST door of the embedded default that the windows use."""
    return Web(embedded.url)


@pytest.fixture
def pair(windows: tuple[Window, Window], rest: Web) -> tuple[User, User]:
    """Returns two new friends, each signed in in one of the windows."""
    users = friends(rest)
    for window, user in zip(windows, users, strict=True):
        window.sign_in(user)
    return users
