"""Tests that the accounts of redis.acl and grants.sql have the rights that the processes need, and no more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import make_url

from tests import databases, media_files
from tests.deploy.files import DEPLOY, KINDS, make_secrets
from tests.deploy.granted import Granted
from tests.device import Device
from tests.people import Web, answer, conversation, friends, send, unread, upload
from tests.processes import wait_until
from tests.rpc.client import Client
from tests.servers import RedisServer
from tests.stack import Service, Stack

ADMINISTRATOR = "user administrator on nopass ~* &* +@all\n"


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    return make_secrets(tmp_path / "secrets")


@pytest.fixture
def guarded_redis(secrets: dict[str, str], tmp_path: Path) -> Iterator[RedisServer]:
    """Yields a Redis with the accounts of redis.acl, and one more, which its `.url` names."""
    accounts = tmp_path / "secrets/users.acl"
    accounts.write_text(accounts.read_text() + ADMINISTRATOR)
    server = RedisServer(tmp_path, user="administrator:any@", aclfile=str(accounts))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def accounts(secrets: dict[str, str], guarded_redis: RedisServer) -> dict[str, str]:
    """Returns the URL of each kind of process in Redis."""
    server = make_url(guarded_redis.url)
    return {
        kind: server.set(username=kind, password=secrets[f"REDIS_PASSWORD_{kind.upper()}"]).render_as_string(
            hide_password=False
        )
        for kind in KINDS
    }


def test_redis_does_not_start_before_the_accounts_have_passwords(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, aclfile=str(DEPLOY / "redis.acl"))
    server.launch()
    wait_until(lambda: not server.running, "it to end")
    assert "SHA256_OF_WEB" in server.output() or "hash" in server.output()


def test_nobody_does_anything_without_an_account(guarded_redis: RedisServer) -> None:
    anonymous = guarded_redis.url.replace("administrator:any@", "")
    with redis.Redis.from_url(anonymous, protocol=2, driver_info=None) as client:
        assert client.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.publish("im:user:1", "x")


def test_an_account_has_no_more_than_its_own(accounts: dict[str, str]) -> None:
    for kind, command in {
        "beat": ["GET", "im:user:1"],
        "web": ["LPUSH", "backlog", "x"],
        "realtime": ["LPUSH", "upkeep", "x"],
        "media": ["LPUSH", "backlog", "x"],
        "rpc": ["GET", "presence"],
        "worker": ["FLUSHALL"],
    }.items():
        with redis.Redis.from_url(accounts[kind]) as client:
            assert client.ping()
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)


def test_the_accounts_suffice(
    granted: Granted,
    accounts: dict[str, str],
    guarded_redis: RedisServer,
    tmp_path: Path,
) -> None:
    granted.grant("one of the service", "one of migrations")
    databases.migrate(granted.url("one of migrations", migrations=True))
    stack = Stack(granted.url("one of the service"), guarded_redis.url, tmp_path)
    try:
        for kind in KINDS:
            stack.launch(kind, REDIS_URL=accounts[kind])
        for process in stack.processes:
            process.wait_ready()
        _use(stack)
        with redis.Redis.from_url(guarded_redis.url) as administrator:
            wait_until(lambda: administrator.exists("im:snapshot"), "beat's jobs")
            (beat,) = (each for each in stack.named("beat") if isinstance(each, Service))
            assert beat.metric("im_snapshot_timestamp_seconds")
            assert administrator.acl_log() == []
    finally:
        stack.stop()


def _use(stack: Stack) -> None:
    """Have every kind of process do what it is there for."""
    web = Web(stack.web_url)
    alice, bob = friends(web)
    sender, device = (Device(stack.realtime_urls[0], user.token).online() for user in (alice, bob))
    message = send(web, alice, bob)
    device.expect("new_message")
    sender.expect("delivered")
    device.say("typing", {"conversation_id": conversation(alice, bob)})
    sender.expect("typing")
    device.say("read_receipt", {"conversation_id": conversation(alice, bob)})
    sender.expect("read_receipt")
    answer(web.post("/message/v1/recall", {"message_id": message["id"]}, alice.token))
    device.expect("message_recalled")
    service = Client(stack.rpc_address)
    assert service.PushMessage(user_id=bob.id, message={"content": "x"}).success
    assert service.SendMessage(from_user_id=bob.id, to_user_id=alice.id, content="x").message.seq == 2
    wait_until(lambda: unread(web, alice) == 1, "the drain")
    picture = {"media_id": upload(web, alice, media_files.picture("JPEG"), "image")["media_id"]}
    wait_until(lambda: answer(web.post("/media/v1/url", picture, alice.token))["media"]["thumbnail_url"], "a thumbnail")
