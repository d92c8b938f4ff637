"""Tests that the Redis and database accounts of docs/operations.md have all the rights that the processes need."""

import re
from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import create_engine, make_url

from tests import media_files
from tests.device import Device
from tests.people import Web, answer, conversation, friends, send, unread, upload
from tests.processes import ROOT, wait_until
from tests.rpc.client import Client
from tests.servers import RedisServer
from tests.stack import Stack

PASSWORD = "of one process, in a test"
DOCUMENT = (ROOT / "docs/operations.md").read_text()


@pytest.fixture
def own_accounts(own_redis: RedisServer) -> Iterator[redis.Redis]:
    """Make the documented accounts in Redis. Yields an administrator's client."""
    accounts = dict(re.findall(r"^user (\w+) +on >… (.+)$", DOCUMENT, re.M))
    assert accounts.keys() == {"web", "realtime", "worker", "media", "beat", "rpc"}
    with redis.Redis.from_url(own_redis.url) as administrator:
        for name, rules in accounts.items():
            administrator.execute_command("ACL", "SETUSER", name, "on", f">{PASSWORD}", *rules.split())
        yield administrator


@pytest.fixture
def database_account(fresh_stack: Stack) -> Iterator[str]:
    """Make the documented account of the database. Yields the URL that uses it."""
    rights = re.search(r"^GRANT (SELECT.+) ON im\.\* TO", DOCUMENT, re.M)
    assert rights
    url = make_url(fresh_stack.database_url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE USER im_without_ddl@'127.0.0.1'")
        connection.exec_driver_sql(f"GRANT {rights[1]} ON {url.database}.* TO im_without_ddl@'127.0.0.1'")
    yield url.set(username="im_without_ddl", password=None).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP USER im_without_ddl@'127.0.0.1'")
    engine.dispose()


def test_the_documented_accounts_suffice(
    fresh_stack: Stack, own_redis: RedisServer, own_accounts: redis.Redis, database_account: str
) -> None:
    server = make_url(own_redis.url)
    for name in ("web", "realtime", "worker", "media", "beat", "rpc"):
        url = server.set(username=name, password=PASSWORD).render_as_string(hide_password=False)
        fresh_stack.add(name, REDIS_URL=url, DATABASE_URL=database_account)
    web = Web(fresh_stack.web_url)
    alice, bob = friends(web)
    sender, device = (Device(fresh_stack.realtime_urls[0], user.token).online() for user in (alice, bob))
    message = send(web, alice, bob)
    device.expect("new_message")
    sender.expect("delivered")
    device.say("typing", {"conversation_id": conversation(alice, bob)})
    sender.expect("typing")
    device.say("read_receipt", {"conversation_id": conversation(alice, bob)})
    sender.expect("read_receipt")
    answer(web.post("/message/v1/recall", {"message_id": message["id"]}, alice.token))
    device.expect("message_recalled")
    service = Client(fresh_stack.rpc_address)
    assert service.PushMessage(user_id=bob.id, message={"content": "x"}).success
    assert service.SendMessage(from_user_id=bob.id, to_user_id=alice.id, content="x").message.seq == 2
    wait_until(lambda: unread(web, alice) == 1, "the drain")
    wait_until(lambda: own_accounts.exists("im:snapshot"), "beat's jobs")
    picture = {"media_id": upload(web, alice, media_files.picture("JPEG"), "image")["media_id"]}
    wait_until(lambda: answer(web.post("/media/v1/url", picture, alice.token))["media"]["thumbnail_url"], "a thumbnail")
    assert own_accounts.acl_log() == []
