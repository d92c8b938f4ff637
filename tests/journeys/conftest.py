"""The same journey through each way to run the service."""

from dataclasses import dataclass

import pytest

from tests.people import Web


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
