"""Tests that with FAST_PUBLISH=0 a message takes its way as ever. All other journeys: `FAST_PUBLISH=0 make test`."""

import pytest

from tests.journeys.conftest import Deployment
from tests.journeys.test_message import (  # noqa: F401 - collected here once more
    test_a_message_arrives_at_once_and_is_delivered_when_the_device_answers,
    test_all_three_connections_of_a_user_get_the_message,
    test_lists_counts_and_history_agree_on_both_sides,
    test_live_messages_wait_for_the_backlog,
)
from tests.people import Web
from tests.stack import Stack


@pytest.fixture(scope="module")
def service(stack: Stack) -> Deployment:
    """Returns the shared deployment, reached by a web process of its own that leaves all publishing to the workers."""
    web = Web(stack.add("web", RATE_LIMITS="0", FAST_PUBLISH="0").url)
    return Deployment(web, web, stack.realtime_urls[0])
