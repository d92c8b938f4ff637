"""The same journey through each way to run the service; and the demo client in a browser."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.embedded_run import EmbeddedRun
from tests.journeys.window import ARGUMENTS, CHROMIUM, Window
from tests.people import User, Web, friends


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running service: its REST door, one without limits, and where its sockets are."""

    web: Web
    unlimited_web: Web
    sockets: str


@pytest.fixture(params=["stack", "embedded"])
def service(request: pytest.FixtureRequest) -> Deployment:
    """The test runs twice: on the processes of the Procfile with MariaDB and Redis, and on the embedded default."""
    running = request.getfixturevalue(request.param)
    if request.param == "stack":
        unlimited_web = request.getfixturevalue("unlimited_web")
        return Deployment(Web(running.web_url), unlimited_web, running.realtime_urls[0])
    return Deployment(Web(running.url), Web(running.url), running.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def windows(browser: Browser, embedded: EmbeddedRun) -> Iterator[tuple[Window, Window]]:
    """Two windows that share nothing; afterwards neither has shown an error."""
    both = Window(browser, embedded.url), Window(browser, embedded.url)
    yield both
    faults = [window.faults for window in both]
    for window in both:
        window.context.close()
    assert faults == [[], []]


@pytest.fixture
def rest(embedded: EmbeddedRun) -> Web:
    return Web(embedded.url)


@pytest.fixture
def pair(windows: tuple[Window, Window], rest: Web) -> tuple[User, User]:
    """Two new friends, each signed in in a window."""
    users = friends(rest)
    for window, user in zip(windows, users, strict=True):
        window.sign_in(user)
    return users
