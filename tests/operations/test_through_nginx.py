"""Journeys through nginx with TLS, as operators configure it: two web processes and two relays are behind it."""

from collections.abc import Iterator

import pytest
import websocket

from tests import databases
from tests.device import Device
from tests.nginx import Nginx
from tests.people import User, Web, answer, conversation, friends, history, new_user, send, unread, upload
from tests.processes import wait_until
from tests.servers import Databases, RedisServer
from tests.stack import Door, Stack

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def deployment(mariadb: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    redis = RedisServer(tmp_path_factory.mktemp("redis"))  # its own: workers of another would take its tasks
    redis.start()
    url = mariadb.create_database()
    databases.migrate(url)
    stack = Stack(url, redis.url, tmp_path_factory.mktemp("behind"), TRUSTED_PROXIES="1")
    try:
        yield stack.start(web=2, realtime=2, rpc=0)
    finally:
        stack.stop()
        redis.kill()


@pytest.fixture(scope="module")
def nginx(deployment: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    doors = {
        kind: [each.url.removeprefix("http://") for each in deployment.named(kind) if isinstance(each, Door)]
        for kind in ("web", "realtime")
    }
    server = Nginx(tmp_path_factory.mktemp("nginx"), **doors)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def web(nginx: Nginx) -> Web:
    return Web(nginx.url, trusted=nginx.certificate)


def device(nginx: Nginx, user: User, **options: object) -> Device:
    return Device(nginx.url, user.token, sslopt={"ca_certs": str(nginx.certificate)}, **options)


def test_a_message_goes_its_way(nginx: Nginx, web: Web) -> None:
    alice, bob = friends(web)
    theirs = device(nginx, bob).online()
    send(web, alice, bob, "through nginx")
    theirs.expect("new_message")
    wait_until(lambda: unread(web, bob) == 1, "it to be counted")
    assert [each["content"] for each in history(web, bob, conversation(alice, bob))] == ["through nginx"]
    theirs.close()


def test_an_upload_and_a_part_of_it(web: Web) -> None:
    alice = new_user(web)
    data = bytes(range(256)) * (12 * MIB // 256)
    media = upload(web, alice, data)
    path = f"/media/v1/{media['media_id']}"
    assert web.get(path, alice.token).content == data
    part = web.get(path, alice.token, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, data[100:300])
    too_much = web.post("/media/v1/upload", token=alice.token, data={"kind": "image"}, files={"file": data})
    assert (too_much.status_code, too_much.json()["code"]) == (413, 105002)


def test_what_a_caller_says_of_their_address_is_not_believed(nginx: Nginx) -> None:
    web = Web(nginx.url, address="127.0.0.77", trusted=nginx.certificate)
    body = {"username": "nobody", "password": "wrong indeed"}
    codes = [
        web.post("/user/v1/login", body, headers={"X-Forwarded-For": f"10.0.0.{number}"}).status_code
        for number in range(30)
    ]
    assert codes.count(429) >= 5
    other = Web(nginx.url, address="127.0.0.78", trusted=nginx.certificate)
    assert other.post("/user/v1/login", body | {"username": "another_nobody"}).status_code == 401


def test_a_page_of_this_site_may_open_a_socket_and_another_may_not(nginx: Nginx, web: Web) -> None:
    alice = new_user(web)
    here = device(nginx, alice, suppress_origin=False, origin=nginx.url).online()
    here.close()
    with pytest.raises(websocket.WebSocketBadStatusException):
        device(nginx, alice, suppress_origin=False, origin="https://elsewhere.example")


def test_a_ticket_is_not_in_the_log(nginx: Nginx, web: Web) -> None:
    alice = new_user(web)
    ticket = answer(web.post("/message/v1/ws/ticket", token=alice.token))["ticket"]
    there = Device(nginx.url, query=f"?ticket={ticket}", sslopt={"ca_certs": str(nginx.certificate)}).online()
    there.close()
    log = nginx.directory / "access.log"
    wait_until(lambda: '/message/v1/ws"' in log.read_text(), "the socket's line")
    assert ticket not in log.read_text()


def test_browsers_are_told_to_come_by_tls_alone(nginx: Nginx, web: Web) -> None:
    page = web.get("/")
    assert page.ok
    assert "Strict-Transport-Security" in page.headers
    assert web.get("/readyz").status_code == 404
