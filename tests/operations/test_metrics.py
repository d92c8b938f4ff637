"""Tests that doing a thing is counted, on real processes, as Prometheus reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text

from infra import channels
from tests import databases, media_files
from tests.device import Device
from tests.people import User, Web, befriend, friends, new_user, send, unread, upload
from tests.processes import wait_until
from tests.rpc.client import Client
from tests.servers import Databases, RedisServer
from tests.stack import Service, Stack


@pytest.fixture
def pair(stack: Stack) -> tuple[User, User]:
    return friends(Web(stack.web_url))


@pytest.fixture(scope="module")
def own(
    mariadb: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, RedisServer, tuple[User, User]]]:
    """Yields a deployment whose Redis and whose tables may be hurt, and two friends there."""
    directory: Path = tmp_path_factory.mktemp("own")
    server = RedisServer(directory)
    server.start()
    url = mariadb.create_database()
    databases.migrate(url)
    deployment = Stack(url, server.url, directory)
    try:
        deployment.start(rpc=0)
        yield deployment, server, friends(Web(deployment.web_url))
    finally:
        deployment.stop()
        server.kill()


def total(stack: Stack, kind: str, name: str, /, **labels: str) -> float:
    """Returns what all processes of a kind have counted."""
    return sum(each.metric(name, **labels) for each in stack.named(kind) if isinstance(each, Service))


@contextmanager
def counted(stack: Stack, kind: str, name: str, /, **labels: str) -> Iterator[None]:
    """Fail unless what is done in the block is counted, soon after."""
    before = total(stack, kind, name, **labels)
    yield
    wait_until(lambda: total(stack, kind, name, **labels) > before, f"{name} to grow")


def test_a_message_on_its_way(stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    web = Web(stack.web_url)
    device = Device(stack.realtime_urls[0], bob.token).online()
    assert total(stack, "realtime", "im_connections") >= 1
    with (
        counted(stack, "web", "im_sends_total", outcome="stored"),
        counted(stack, "web", "im_requests_total", method="POST", path="/message/v1/send", status="200"),
        counted(stack, "web", "im_request_seconds_count", path="/message/v1/send"),
        counted(stack, "web", "im_group_commit_size_count"),
        counted(stack, "web", "im_group_commit_seconds_count"),
        counted(stack, "web", "im_database_seconds_count", statement="flight"),
        counted(stack, "web", "im_database_seconds_count", statement="commit"),
        counted(stack, "web", "im_fast_messages_total", outcome="published"),
        counted(stack, "worker", "im_outbox_events_drained_total"),
        counted(stack, "worker", "im_tasks_total", task="outbox.work", outcome="done"),
        counted(stack, "worker", "im_task_seconds_count", task="outbox.work"),
        counted(stack, "realtime", "im_frames_pushed_total"),
        counted(stack, "realtime", "im_push_seconds_count", until="written"),
        counted(stack, "realtime", "im_push_seconds_count", until="answered"),
    ):
        send(web, alice, bob)
        device.expect("new_message")
        send(web, alice, bob)  # the first begins a run: the second continues it, by the fast path
        device.expect("new_message", 2)
    device.close()
    wait_until(lambda: total(stack, "realtime", "im_proofs_waiting") == 0, "proofs to be confirmed")


def test_a_backlog(stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    web = Web(stack.web_url)
    send(web, alice, bob)
    wait_until(lambda: unread(web, bob) == 1, "it to be in the backlog")
    with counted(stack, "worker", "im_backlog_pages_total"):
        Device(stack.realtime_urls[0], bob.token).expect("new_message")


def test_what_comes_too_often(stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    web = Web(stack.web_url, address="127.0.0.1")  # which does not wait and call again
    body = {"to_user_id": bob.id, "message_type": 1, "content": "hi"}
    with counted(stack, "web", "im_limited_total", limit="sends"):
        answers = [web.post("/message/v1/send", {**body, "client_msg_id": f"c{n}"}, alice.token) for n in range(60)]
    assert 429 in {each.status_code for each in answers}
    device = Device(stack.realtime_urls[0], alice.token).online()
    with (
        counted(stack, "realtime", "im_limited_total", limit="frames"),
        counted(stack, "realtime", "im_connections_closed_total", code="1008"),
    ):
        for _ in range(300):
            device.say("unheard of")
        device.wait_closed()


def test_an_upload(stack: Stack, pair: tuple[User, User]) -> None:
    alice, _ = pair
    web = Web(stack.web_url)
    with (
        counted(stack, "web", "im_uploads_total", kind="image", outcome="stored"),
        counted(stack, "web", "im_upload_bytes_total"),
        counted(stack, "media", "im_thumbnails_total", outcome="made"),
        counted(stack, "web", "im_media_reads_total", outcome="whole"),
    ):
        media = upload(web, alice, media_files.picture("png"), "image")
        assert web.get(f"/media/v1/{media['media_id']}", alice.token).ok


def test_a_call_of_rpc(stack: Stack, pair: tuple[User, User]) -> None:
    with (
        counted(stack, "rpc", "im_rpc_calls_total", method="GetUnreadCount", status="OK"),
        counted(stack, "rpc", "im_rpc_call_seconds_count", method="GetUnreadCount"),
    ):
        Client(stack.rpc_address).GetUnreadCount(user_id=pair[0].id)
    assert total(stack, "rpc", "im_rpc_running") == 0


@pytest.mark.parametrize("kind", ["web", "realtime", "rpc"])
def test_loops_turn(stack: Stack, kind: str) -> None:
    for process in stack.named(kind):
        assert isinstance(process, Service)
        turned = {labels: at for (name, labels), at in process.metrics().items() if name.startswith("im_loop_turned")}
        assert min(turned.values()) > 1_700_000_000


@pytest.mark.parametrize("kind", ["web", "realtime", "worker", "rpc"])
def test_connections_in_use_come_back(stack: Stack, kind: str) -> None:
    wait_until(lambda: total(stack, kind, "im_database_connections") == 0, "none to be in use")


def test_a_wrong_count(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, (alice, bob) = own
    send(Web(stack.web_url), alice, bob)
    wait_until(lambda: total(stack, "worker", "im_outbox_events_drained_total") >= 1, "its drain")
    engine = create_engine(stack.database_url)
    with counted(stack, "worker", "im_audit_drift_total", what="unread_count"), engine.begin() as connection:
        connection.execute(text("UPDATE im_conversation SET unread_count = 7 WHERE user_id = :user"), {"user": bob.id})
    with engine.begin() as connection:
        connection.execute(text("UPDATE im_conversation SET unread_count = 1 WHERE user_id = :user"), {"user": bob.id})
    engine.dispose()


def test_a_note_that_nobody_can_read(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, server, (_, bob) = own
    device = Device(stack.realtime_urls[0], bob.token).online()
    with redis.Redis.from_url(server.url) as client, counted(stack, "realtime", "im_notes_dropped_total"):
        client.publish(channels.of_user(bob.id), b"no note")
    device.close()


def test_a_redis_that_goes_away(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, server, (alice, bob) = own
    web = Web(stack.web_url)
    device = Device(stack.realtime_urls[0], bob.token).online()
    with (
        counted(stack, "realtime", "im_bus_losses_total"),
        counted(stack, "web", "im_pokes_failed_total"),
        counted(stack, "web", "im_fast_messages_total", outcome="failed"),
    ):
        server.stop()
        send(web, alice, bob, "while it is away")
        wait_until(lambda: total(stack, "web", "im_pokes_failed_total") > 0, "the poke to fail")
        server.start()
        device.wait(lambda: "while it is away" in {each["content"] for each in device.messages}, "the message")
    device.close()


def test_an_event_that_cannot_be_told(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, (alice, _) = own
    web = Web(stack.web_url)
    carol = new_user(web)
    befriend(web, alice, carol)
    (worker,) = stack.named("worker")
    worker.freeze()
    message = send(web, alice, carol)
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM im_message WHERE id = :id"), {"id": message["id"]})
    engine.dispose()
    worker.thaw()
    wait_until(lambda: total(stack, "worker", "im_outbox_events_parked_total") == 1, "the event to be put aside")


def test_the_state_of_the_whole(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, (alice, bob) = own
    (worker,) = stack.named("worker")
    wait_until(lambda: total(stack, "beat", "im_snapshot_timestamp_seconds") > 1_700_000_000, "a snapshot")
    worker.freeze()
    send(Web(stack.web_url), alice, bob)
    worker.thaw()
    before = total(stack, "beat", "im_snapshot_timestamp_seconds")
    wait_until(lambda: total(stack, "beat", "im_snapshot_timestamp_seconds") > before, "the next snapshot")
    (beat,) = stack.named("beat")
    assert isinstance(beat, Service)
    shown = beat.metrics()
    names = {name for name, _ in shown}
    assert {"im_queue_depth", "im_outbox_parked", "im_snapshot_timestamp_seconds"} <= names
    assert {labels for name, labels in shown if name == "im_queue_depth"} >= {
        (("queue", "outbox"),),
        (("queue", "media"),),
    }


def test_a_shard_that_nobody_drains(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, _ = own
    later = text(
        "INSERT INTO im_outbox (shard, conversation_id, kind, message_id, user_id, change_seq, attempts, create_time,"
        " applied, read_seq) VALUES (999, '1_2', 1, 0, 0, 0, 0, :then, 0, 0)"
    )
    engine = create_engine(stack.database_url)
    with engine.connect() as connection:  # an open transaction holds the shard, so that no worker drains it
        connection.execute(text("INSERT INTO im_outbox_shard (shard) VALUES (999)"))
        connection.commit()
        connection.execute(text("SELECT shard FROM im_outbox_shard WHERE shard = 999 FOR UPDATE"))
        with engine.begin() as other:
            other.execute(later, {"then": "2020-01-01 00:00:00"})
        wait_until(lambda: total(stack, "beat", "im_outbox_depth", shard="999") == 1, "it to be shown")
        assert total(stack, "beat", "im_outbox_oldest_seconds", shard="999") > 1_000_000
    engine.dispose()
