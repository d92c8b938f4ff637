"""Tests that processes tell how much they have done and whether they can work, also when parts of them are gone."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import gettempdir

import psutil
import pytest
import requests

from infra.readiness import PATIENCE_SECONDS
from tests import databases
from tests.people import Web, new_user
from tests.processes import wait_until
from tests.servers import Databases, OutsideRedis, RedisServer
from tests.stack import Door, Service, Stack


@pytest.fixture
def own(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """Yields another deployment on the database and the Redis of `stack`, with nothing started."""
    yield (deployment := Stack(stack.database_url, stack.redis_url, tmp_path))
    deployment.stop()


def counted(door: Door) -> float:
    return door.metric("im_sends_total", outcome="refused")


def refuse_some(door: Door, count: int) -> None:
    web = Web(door.url)
    user = new_user(web)
    for number in range(count):
        body = {"to_user_id": 999_999_999, "message_type": 1, "content": "hi", "client_msg_id": f"m{number}"}
        assert web.post("/message/v1/send", body, user.token).status_code >= 400


def test_every_kind_serves_its_metrics_and_is_ready(stack: Stack) -> None:
    for process in stack.processes:
        assert isinstance(process, Service)
        assert process.readiness()[0], process.name
        assert process.metric("im_loop_turned_timestamp_seconds") >= 0
        assert any(name.startswith("im_") for name, _ in process.metrics()), process.name
        assert requests.get(f"http://{process.metrics_address}/elsewhere", timeout=10).status_code == 404


def test_workers_of_one_server_count_together_and_outlive_each_other(own: Stack) -> None:
    door = own.add("web", WEB_CONCURRENCY="2")
    assert isinstance(door, Door)
    refuse_some(door, 12)
    wait_until(lambda: counted(door) == 12, "both workers' sends to be counted")
    seconds = door.metric("im_request_seconds_count")
    for _ in range(3):
        for child in psutil.Process(door.pid).children():
            child.send_signal(signal.SIGKILL)
        wait_until(door.ready, "other workers")
        wait_until(lambda: served(door), "one of them to serve")
        assert counted(door) == 12
    assert door.metric("im_request_seconds_count") >= seconds
    refuse_some(door, 3)
    assert counted(door) == 15
    (directory,) = directories(door.pid)
    living = {"ended", *map(str, [door.pid, *_children(door)])}
    assert {path.stem.rpartition("_")[2] for path in directory.glob("*.db")} <= living


def _memory() -> Path:
    return Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(gettempdir())


def directories(pid: int) -> list[Path]:
    return [path for place in (Path("/dev/shm"), Path(gettempdir())) for path in place.glob(f"im-metrics-{pid}-*")]


def served(door: Door) -> bool:
    try:
        return bool(door.metrics())
    except requests.RequestException:
        return False


def test_nothing_is_left_of_what_was_counted(own: Stack) -> None:
    door = own.add("web", WEB_CONCURRENCY="2")
    (left,) = directories(door.pid)
    assert left.parent == _memory()  # uploads fill disks, and a count in a file on a full one ends its process
    os.killpg(door.pid, signal.SIGKILL)
    wait_until(lambda: not door.running, "it to end")
    door.start()
    (other,) = directories(door.pid)
    assert not left.exists()
    door.terminate()
    assert not other.exists()


def test_a_worker_alone_counts_in_its_memory_and_so_does_the_next(own: Stack) -> None:
    door = own.add("web")
    assert isinstance(door, Door)
    refuse_some(door, 2)
    assert (counted(door), directories(door.pid)) == (2, [])
    (worker,) = _children(door)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: served(door) and worker not in _children(door), "another to serve")
    assert counted(door) == 0
    refuse_some(door, 1)
    assert counted(door) == 1


def test_a_process_goes_on_without_a_port_and_takes_it_once_it_is_free(own: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        door = own.add("web", METRICS_BIND=address)
        assert isinstance(door, Door)
        wait_until(lambda: "metrics_not_served" in door.output(), "it to be told")
        refuse_some(door, 1)
    wait_until(lambda: _answers(address), "it to try again")


def _answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/metrics", timeout=5).ok
    except requests.RequestException:
        return False


def test_callers_who_ask_nothing_hold_up_the_others_for_a_second(stack: Stack) -> None:
    (process,) = stack.named("beat")
    assert isinstance(process, Service)
    host, _, port = process.metrics_address.partition(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(4)]
    try:
        assert 0.5 < seconds_until(process, "/healthz") < 3
    finally:
        for each in silent:
            each.close()


def test_off_is_nowhere(own: Stack) -> None:
    door = own.add("web", METRICS_BIND="off")
    links = [link for each in (door.pid, *_children(door)) for link in psutil.Process(each).net_connections()]
    assert len({link.laddr.port for link in links if link.status == psutil.CONN_LISTEN}) == 1


def _children(process: Service | Door) -> list[int]:
    return [child.pid for child in psutil.Process(process.pid).children(recursive=True)]


@pytest.mark.parametrize("kind", ["web", "realtime", "worker", "media", "rpc"])
def test_what_to_do_about_a_database_without_tables(
    kind: str, mariadb: Databases, redis_server: RedisServer | OutsideRedis, tmp_path: Path
) -> None:
    deployment = Stack(mariadb.create_database(), redis_server.url, tmp_path)
    try:
        process = deployment.launch(kind)
        assert isinstance(process, Service)
        wait_until(lambda: "run alembic upgrade head" in process.readiness()[1], "it to be told")
        assert not process.readiness()[0]
        databases.migrate(deployment.database_url)
        wait_until(lambda: process.readiness()[0], "it to be ready")
    finally:
        deployment.stop()


@pytest.mark.parametrize("kind", ["web", "worker"])
def test_a_database_that_hangs_is_told_in_time(
    kind: str, redis_server: RedisServer | OutsideRedis, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://im:unguessable-indeed@127.0.0.1:{silent.getsockname()[1]}/im"
        deployment = Stack(url, redis_server.url, tmp_path)
        try:
            process = deployment.launch(kind)
            assert isinstance(process, Service)
            wait_until(lambda: "database: " in process.readiness()[1], "it to be told")
            with ThreadPoolExecutor(3) as callers:
                told = [callers.submit(seconds_until, process, "/readyz") for _ in range(3)]
                assert seconds_until(process, "/healthz") < 1.5  # while all of them wait
            assert max(each.result() for each in told) < PATIENCE_SECONDS + 1.5
        finally:
            deployment.stop()


def test_a_media_worker_without_its_storage_is_not_ready(own: Stack) -> None:
    process = own.add("media")
    assert isinstance(process, Service)
    place = Path(own.media_settings["MEDIA_STORAGE"])
    place.rename(place.with_name("elsewhere"))
    ready, said = process.readiness()
    assert not ready
    assert said.startswith("storage: does not answer (No such file or directory); see that it runs")
    place.with_name("elsewhere").rename(place)
    assert process.readiness()[0]


def test_a_storage_that_hangs_is_told_in_time(own: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = own.launch(
            "media",
            MEDIA_STORAGE="s3://bucket/prefix",
            S3_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}",
            S3_ACCESS_KEY_ID="a key of the tests",
            S3_SECRET_ACCESS_KEY=databases.SECRET,
        )
        assert isinstance(process, Service)
        wait_until(lambda: "storage: does not answer (TimeoutError)" in process.readiness()[1], "it to be told")
        assert seconds_until(process, "/readyz") < PATIENCE_SECONDS + 1.5


def seconds_until(process: Service, path: str) -> float:
    started = time.monotonic()
    requests.get(f"http://{process.metrics_address}{path}", timeout=20)
    return time.monotonic() - started


@pytest.mark.parametrize("kind", ["worker", "beat", "realtime"])
def test_without_redis_it_is_not_ready(kind: str, stack: Stack, own_redis: RedisServer, tmp_path: Path) -> None:
    deployment = Stack(stack.database_url, own_redis.url, tmp_path)
    try:
        process = deployment.add(kind)
        assert isinstance(process, Service)
        own_redis.stop()
        wait_until(lambda: "Redis" in process.readiness()[1], "it to be told")
        own_redis.start()
        wait_until(lambda: process.readiness()[0], "it to be ready again")
    finally:
        deployment.stop()
