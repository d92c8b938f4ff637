"""Tests that doing a thing is counted, on real processes, as Prometheus reads it."""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import Connection, create_engine, text

from infra import channels
from infra.tasks import Task
from tests import databases, documents, media_files
from tests.device import Device
from tests.operations.counting import counted, reached, total
from tests.people import User, Web, answer, befriend, conversation, friends, new_user, send, unread, upload
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
        deployment.start(media=1, rpc=0, RETENTION_SECONDS="86400", RETENTION_DELETED_SECONDS="3600")
        yield deployment, server, friends(Web(deployment.web_url))
    finally:
        deployment.stop()
        server.kill()


@contextmanager
def rows_of(stack: Stack) -> Iterator[Connection]:
    """Yields a connection to the database of a deployment, which commits at the end of the block."""
    engine = create_engine(stack.database_url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def frozen(stack: Stack, kind: str) -> Iterator[None]:
    """Have the one process of a kind stand still for the block. It can not be asked what it has counted meanwhile."""
    (process,) = stack.named(kind)
    process.freeze()
    try:
        yield
    finally:
        process.thaw()


def test_a_message_on_its_way(stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    web = Web(stack.web_url)
    device = Device(stack.realtime_urls[0], bob.token).online()
    reached(stack, "realtime", "im_connections", 1)
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


_WAITING = text("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_requested_lock_id IS NOT NULL")


def test_a_call_whose_transaction_is_run_again(stack: Stack, pair: tuple[User, User]) -> None:
    alice, bob = pair
    web = Web(stack.web_url)
    message = send(web, alice, bob)
    wait_until(lambda: unread(web, bob) == 1, "its drain")
    with counted(stack, "rpc", "im_transaction_reruns_total"), rows_of(stack) as other:
        other.execute(text("SELECT id FROM im_message WHERE id = :id FOR UPDATE"), {"id": message["id"]})
        # Of two transactions in a deadlock the database ends the one that has changed less.
        shards = text("INSERT INTO im_outbox_shard (shard) VALUES (:shard)")
        other.execute(shards, [{"shard": shard} for shard in range(9_000, 9_300)])
        call = Client(stack.rpc_address).start("RecallMessage", user_id=alice.id, message_id=message["id"])
        reached(stack, "rpc", "im_rpc_running", 1)
        reached(stack, "rpc", "im_database_connections", 1)
        wait_until(lambda: other.scalar(_WAITING), "it to hold the head, and to wait for the message")
        head = text("SELECT shard FROM im_conversation_head WHERE conversation_id = :name FOR UPDATE")
        other.execute(head, {"name": conversation(alice, bob)})
        other.rollback()
    assert call.result()


@pytest.mark.parametrize("kind", ["web", "realtime", "rpc"])
def test_loops_turn(stack: Stack, kind: str) -> None:
    for process in stack.named(kind):
        assert isinstance(process, Service)
        turned = {labels: at for (name, labels), at in process.metrics().items() if name.startswith("im_loop_turned")}
        assert min(turned.values()) > 1_700_000_000
    with counted(stack, kind, "im_loop_turned_timestamp_seconds"):
        pass


@pytest.mark.parametrize("kind", ["web", "realtime", "worker", "rpc"])
def test_connections_in_use_come_back(stack: Stack, kind: str) -> None:
    wait_until(lambda: total(stack, kind, "im_database_connections") == 0, "none to be in use")


def test_a_wrong_count(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, (alice, bob) = own
    send(Web(stack.web_url), alice, bob)
    wait_until(lambda: total(stack, "worker", "im_outbox_events_drained_total") >= 1, "its drain")
    with counted(stack, "worker", "im_audit_drift_total", what="unread_count"), rows_of(stack) as rows:
        rows.execute(text("UPDATE im_conversation SET unread_count = 7 WHERE user_id = :user"), {"user": bob.id})
    with rows_of(stack) as rows:
        rows.execute(text("UPDATE im_conversation SET unread_count = 1 WHERE user_id = :user"), {"user": bob.id})


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
    with counted(stack, "worker", "im_outbox_events_parked_total"), frozen(stack, "worker"):
        message = send(web, alice, carol)
        with rows_of(stack) as rows:
            rows.execute(text("DELETE FROM im_message WHERE id = :id"), {"id": message["id"]})
    stack.ask(Task.SNAPSHOT)
    reached(stack, "beat", "im_outbox_parked", 1)


def test_the_state_of_the_whole(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, (alice, bob) = own
    reached(stack, "beat", "im_snapshot_timestamp_seconds", 1_700_000_000)
    with counted(stack, "beat", "im_snapshot_timestamp_seconds"), frozen(stack, "worker"):
        send(Web(stack.web_url), alice, bob)
    (beat,) = stack.named("beat")
    assert isinstance(beat, Service)
    shown = beat.metrics()
    names = {name for name, _ in shown}
    assert {"im_queue_depth", "im_outbox_parked", "im_snapshot_timestamp_seconds"} <= names
    assert {labels for name, labels in shown if name == "im_queue_depth"} >= {
        (("queue", "outbox"),),
        (("queue", "media"),),
    }


def test_what_nobody_does(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, _ = own
    later = text(
        "INSERT INTO im_outbox (shard, conversation_id, kind, message_id, user_id, change_seq, attempts, create_time,"
        " applied, read_seq) VALUES (999, '1_2', 1, 0, 0, 0, 0, :then, 0, 0)"
    )
    engine = create_engine(stack.database_url)
    # An open transaction holds the shard, so that no worker drains it.
    with frozen(stack, "media"), engine.connect() as connection:
        connection.execute(text("INSERT INTO im_outbox_shard (shard) VALUES (999)"))
        connection.commit()
        connection.execute(text("SELECT shard FROM im_outbox_shard WHERE shard = 999 FOR UPDATE"))
        with engine.begin() as other:
            other.execute(later, {"then": "2020-01-01 00:00:00"})
        stack.ask(Task.CLEAN_MEDIA)  # Redis hands the first to the frozen process
        stack.ask(Task.CLEAN_MEDIA)
        stack.ask(Task.SNAPSHOT)
        reached(stack, "beat", "im_queue_depth", 1, queue="media")
        reached(stack, "beat", "im_outbox_depth", 1, shard="999")
        reached(stack, "beat", "im_outbox_oldest_seconds", 1_000_000, shard="999")
    engine.dispose()


def test_what_waits_for_a_worker(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, _ = own
    web = Web(stack.web_url)
    alice, bob = friends(web)
    writer = Device(stack.realtime_urls[0], alice.token).online()
    device = Device(stack.realtime_urls[0], bob.token).online()
    send(web, alice, bob)
    device.expect("new_message")
    with frozen(stack, "worker"):
        send(web, alice, bob)
        device.expect("new_message", 2)  # by the fast path
        reached(stack, "realtime", "im_proofs_waiting", 1)
        other = Device(stack.realtime_urls[0], bob.token)
        other.expect("hello")  # and its backlog waits
        with counted(stack, "realtime", "im_frames_dropped_total", reason="busy"):
            writer.say("typing", {"conversation_id": conversation(alice, bob)})
    for each in (writer, device, other):
        each.close()


def test_a_loop_that_meets_an_exception(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, _, (alice, _) = own
    device = Device(stack.realtime_urls[0], alice.token).online()
    away = "RENAME TABLE im_revoked_token TO im_revoked_token_away"
    try:
        with counted(stack, "realtime", "im_loop_stumbles_total", loop="close_expired"), rows_of(stack) as rows:
            rows.execute(text(away))
    finally:
        with rows_of(stack) as rows:
            rows.execute(text("RENAME TABLE im_revoked_token_away TO im_revoked_token"))
    device.close()


def test_media_that_nothing_needs(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, server, (alice, _) = own
    media = upload(Web(stack.web_url), alice, b"nobody sends this")
    with rows_of(stack) as rows:
        long_ago = text("UPDATE im_media SET unused_since = '2020-01-01' WHERE id = :id")
        rows.execute(long_ago, {"id": media["media_id"]})
    with (
        counted(stack, "media", "im_media_cleaned_total", what="upload"),
        counted(stack, "media", "im_media_cleaned_total", what="blob"),
        redis.Redis.from_url(server.url) as client,
    ):
        client.delete("im:media:cleaned")  # as if the run before were long over
        stack.ask(Task.CLEAN_MEDIA)


def test_messages_that_are_too_old(own: tuple[Stack, RedisServer, tuple[User, User]]) -> None:
    stack, server, (alice, bob) = own
    web = Web(stack.web_url)
    sent, recalled = send(web, alice, bob), send(web, alice, bob)
    answer(web.post("/message/v1/recall", {"message_id": recalled["id"]}, alice.token))
    with rows_of(stack) as rows:
        for column, message in (("create_time", sent), ("update_time", recalled)):
            rows.execute(text(f"UPDATE im_message SET {column} = '2020-01-01' WHERE id = :id"), {"id": message["id"]})
    with (
        counted(stack, "worker", "im_retention_removed_total", what="message"),
        counted(stack, "worker", "im_retention_removed_total", what="text"),
        redis.Redis.from_url(server.url) as client,
    ):
        client.delete("im:retention:recent")  # as if the run before were long over
        stack.ask(Task.RETAIN)


def test_every_metric_has_a_case() -> None:
    """A case is a call of `counted` or `reached` in this directory."""
    cases = {
        call.args[2].value
        for path in Path(__file__).parent.glob("test_*.py")
        for call in documents.calls(path)
        if ast.unparse(call.func) in ("counted", "reached") and len(call.args) > 2
        if isinstance(call.args[2], ast.Constant)
    }
    shown = {each.name + ("_count" if each.kind == "histogram" else "") for each in documents.metrics()}
    assert cases == shown
