"""Fixtures: a deployment that tells the whole way of each message, in its logs and by OpenTelemetry."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests import databases
from tests.device import Device
from tests.operations.collector import Collector, collecting
from tests.people import User, Web, friends
from tests.servers import Databases, RedisServer
from tests.stack import Stack


@dataclass(frozen=True, slots=True)
class Telling:
    """A deployment with two relays, its collector, and two friends, each with a device at a relay of their own."""

    stack: Stack
    collector: Collector
    web: Web
    alice: User
    bob: User
    devices: tuple[Device, Device]


@pytest.fixture(scope="session")
def telling(mariadb: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    """Yields a deployment that logs the way of all messages and sends traces, which no test stops."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))  # its own: workers of another would take its tasks
    redis.start()
    url = mariadb.create_database()
    databases.migrate(url)
    with collecting() as collector:
        traces = {
            "OTEL_TRACES": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        stack = Stack(url, redis.url, tmp_path_factory.mktemp("telling"), **traces)
        try:
            stack.start(realtime=2)
            web = Web(stack.web_url)
            alice, bob = friends(web)
            one, other = stack.realtime_urls
            devices = Device(one, alice.token).online(), Device(other, bob.token).online()
            yield Telling(stack, collector, web, alice, bob, devices)
        finally:
            stack.stop()
            redis.kill()
