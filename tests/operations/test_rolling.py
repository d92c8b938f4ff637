"""Tests that each kind of process can be restarted under load, as docs/operations.md tells, behind deploy/nginx.conf.

Of each kind one process after the other is ended by SIGTERM, and the next one when the one before is ready again. With
LONG=1 each kind has a minute of load for itself, and all its processes are restarted again and again; otherwise one of
each kind is restarted within one load.
"""

import os
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from drill import findings
from drill.load import Load
from tests import databases
from tests.journeys import storage
from tests.nginx import Nginx
from tests.processes import Process, wait_until
from tests.servers import Databases, RedisServer
from tests.stack import Stack

SENDS = 50  # a second
KINDS = ("worker", "media", "beat", "rpc", "web", "realtime")
LONG = bool(os.environ.get("LONG"))
MINUTE = 60.0
DELIVERED_SECONDS = 10.0
GOING_AWAY = 1012


@pytest.fixture(scope="module")
def deployment(mariadb: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yields two of each kind that docs/operations.md has two of, behind a proxy, with limits as by default."""
    redis = RedisServer(tmp_path_factory.mktemp("redis"))
    redis.start()
    url = mariadb.create_database()
    databases.migrate(url)
    made = Stack(url, redis.url, tmp_path_factory.mktemp("rolling"), TRUSTED_PROXIES="1")
    try:
        yield made.start(web=2, realtime=2, workers=2, media=1)
    finally:
        made.stop()
        redis.kill()


@pytest.fixture(scope="module")
def nginx(deployment: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """Yields nginx in front of the deployment."""
    web, realtime = ([url.removeprefix("http://") for url in deployment.urls(kind)] for kind in ("web", "realtime"))
    made = Nginx(tmp_path_factory.mktemp("nginx"), web=web, realtime=realtime)
    made.start()
    yield made
    made.kill()


def restart(process: Process) -> None:
    process.terminate()
    process.start()


def assert_right(load: Load, deployment: Stack) -> None:
    """Fails unless no send was repeated twice, nothing is lost, and every accepted socket was told of its end."""
    wait_until(lambda: not load.missing(), "all to be delivered", seconds=DELIVERED_SECONDS)
    wait_until(lambda: not storage.outbox(deployment), "an empty outbox", seconds=DELIVERED_SECONDS)
    sent = [each for sender in load.senders for each in sender.sent]
    assert [each for each in sent if each.attempts > 2] == []
    wait_until(lambda: not findings.of_load(load), "nothing to be wrong", seconds=DELIVERED_SECONDS)
    closings = [closing for device in load.devices.values() for closing in device.closings]
    assert [closing for closing in closings if closing.accepted and not closing.told] == []


def figures(name: str, load: Load) -> str:
    sent = [each for sender in load.senders for each in sender.sent]
    times = sorted(each.seconds for each in sent)
    closings = Counter(closing.code for device in load.devices.values() for closing in device.closings)
    repeated = Counter(each.failed_with for each in sent if each.attempts > 1)
    return (
        f"{name}: {len(sent)} sends, {dict(repeated)} repeated, p50 {times[len(times) // 2] * 1e3:.0f} ms, p99 "
        f"{times[len(times) * 99 // 100] * 1e3:.0f} ms, longest {times[-1] * 1e3:.0f} ms, closed {dict(closings)}"
    )


def restart_one_of_each(deployment: Stack) -> None:
    with ThreadPoolExecutor(4) as pool:  # sends and sockets need none of these four
        list(pool.map(lambda kind: restart(deployment.named(kind)[0]), ("worker", "media", "beat", "rpc")))
    restart(deployment.named("web")[0])
    restart(deployment.named("realtime")[0])


def restart_all_for_a_minute(deployment: Stack, kind: str) -> None:
    begun = time.monotonic()
    while time.monotonic() - begun < MINUTE:
        for process in deployment.named(kind):
            restart(process)


@pytest.mark.parametrize("kind", KINDS if LONG else ["one of each"])
def test_a_rolling_restart_fails_no_send_and_loses_nothing(deployment: Stack, nginx: Nginx, kind: str) -> None:
    load = Load(nginx.url, nginx.url, sends=SENDS, trusted=ssl.create_default_context(cafile=str(nginx.certificate)))
    with load.running():
        if LONG:
            restart_all_for_a_minute(deployment, kind)
        else:
            restart_one_of_each(deployment)
    try:
        assert_right(load, deployment)
    finally:
        load.leave()
        print(figures(kind, load))
    closed = Counter(closing.code for device in load.devices.values() for closing in device.closings)
    assert set(closed) <= {GOING_AWAY}
    assert closed[GOING_AWAY] > 0 or kind not in ("realtime", "one of each")
