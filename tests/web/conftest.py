"""Fixtures whose every answer is compared with the OpenAPI document."""

import pytest

from tests.described import DescribedWeb, Description
from tests.people import Web, answer
from tests.stack import Stack

ALLOWED = "https://front.example"


@pytest.fixture(scope="session")
def description(stack: Stack) -> Description:
    """Returns the OpenAPI document of the service."""
    return Description(answer(Web(stack.web_url).get("/openapi.json")))


@pytest.fixture
def web(stack: Stack, description: Description) -> Web:
    """Returns the REST door of `stack`."""
    return DescribedWeb(stack.web_url, description)


@pytest.fixture(scope="session")
def described_unlimited_web(unlimited_web: Web, description: Description) -> Web:
    """Returns another REST door of `stack`, for more changes of groups by one user than the limits allow."""
    return DescribedWeb(unlimited_web.url, description)


@pytest.fixture(scope="session")
def strict_web(stack: Stack, description: Description) -> Web:
    """Returns another REST door, with limits, an allowed origin, no time to recall, and groups of two."""
    settings = {"RATE_LIMITS": "1", "ALLOWED_ORIGINS": f"https://other.example,{ALLOWED}", "RECALL_SECONDS": "-1"}
    return DescribedWeb(stack.add("web", **settings, GROUP_MAX_MEMBERS="2").url, description)
