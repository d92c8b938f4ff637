"""Tests of the operator's commands `im audit`, `trace` and `outbox` on a running deployment."""

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests import databases, media
from tests.commands import IM, im, objects, program
from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, answer, conversation, conversations, friends, send, unread
from tests.processes import Process, free_port, wait_until
from tests.stack import Stack, commands, with_programs


@pytest.fixture
def pair(web: Web, stack: Stack) -> tuple[User, User]:
    """Returns two friends with three messages that are counted and not delivered."""
    made = friends(web)
    for number in range(3):
        send(web, *made, f"number {number}")
    wait_until(lambda: unread(web, made[1]) == 3, "three unread")
    wait_until(lambda: conversations(web, made[0]), "the sender's own row")
    return made


def spoil(stack: Stack, statement: str, **values: object) -> None:
    engine = create_engine(stack.database_url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount
    engine.dispose()


ROW = "WHERE user_id = :user AND conversation_id = :name"


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (f"UPDATE im_conversation SET unread_count = 7 {ROW}", "unread_count"),
        (f"UPDATE im_conversation SET last_message_id = NULL {ROW}", "last_message_id"),
        (f"UPDATE im_conversation SET read_seq = 9 {ROW}", "read_seq"),
        (f"UPDATE im_conversation SET delivered_seq = 9 {ROW}", "delivered_seq"),
        (f"UPDATE im_conversation SET last_seq = 9 {ROW}", "last_seq"),
        (f"UPDATE im_conversation SET last_seq = 1, unread_count = 1 {ROW}", "events"),
        ("UPDATE im_conversation_head SET last_seq = 1 WHERE conversation_id = :name AND :user > 0", "head last_seq"),
        ("DELETE FROM im_message WHERE conversation_id = :name AND seq = 2 AND :user > 0", "seqs"),
    ],
)
def test_each_drift_is_found_and_repaired(
    web: Web, stack: Stack, pair: tuple[User, User], statement: str, what: str
) -> None:
    name = conversation(*pair)
    assert im(stack, "audit", name) == (0, "1 conversations, 0 drifted\n")
    spoil(stack, statement, user=pair[1].id, name=name)
    code, found = im(stack, "audit", name)
    assert code == 1
    assert what in found
    assert im(stack, "audit", "--repair", name)[0] == 0
    wait_until(lambda: im(stack, "audit", name)[0] == 0, "nothing to be found any more")
    left = {"seqs": 2, "read_seq": 0}  # one message is gone; the spoiled read_seq covers all
    wait_until(lambda: unread(web, pair[1], name) == left.get(what, 3), "the right count")


def test_all_conversations_are_checked_without_a_name(stack: Stack, pair: tuple[User, User]) -> None:
    wait_until(lambda: " 0 drifted" in im(stack, "audit")[1], "a clean audit of everything")


def test_the_storage_of_uploads_is_checked(stack: Stack, database: str, tmp_path: Path) -> None:
    place = {"DATABASE_URL": database, "MEDIA_STORAGE": str(tmp_path / "media")}
    assert im(stack, "audit", "--media", **place) == (0, "0 faults\n")
    media.carry(media.upload(media.blob("a" * 32)), {"id": 333, "conversation_id": "1_2", "seq": 1})
    assert im(stack, "audit", "--media", **place) == (1, f"{'a' * 32}  gone, messages 333\n1 faults\n")
    told = im(stack, "audit", "--media", "--json", **place)[1]
    assert [json.loads(line) for line in told.splitlines()] == [
        {"what": "gone", "name": "a" * 32, "message_ids": [333]},
        {"faults": 1},
    ]


def test_a_storage_that_cannot_be_checked_is_said_in_a_line(stack: Stack, database: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, told = im(stack, "audit", "--media", DATABASE_URL=database, MEDIA_STORAGE=str(tmp_path / "file"))
    assert (code, told.splitlines()[-1][:46]) == (3, "Error: the storage of MEDIA_STORAGE does not a")
    assert "Traceback" not in told
    for argument in ("--repair", "1_2"):
        assert im(stack, "audit", "--media", argument)[0] == 2


def test_a_trace_tells_how_far_a_message_has_come(web: Web, stack: Stack, pair: tuple[User, User]) -> None:
    message = send(web, *pair, "where is it?")
    steps = {"stored": "UTC", "projected": "yes", "published": "yes", "written": "no", "answered": "no", "read": "no"}
    wait_until(lambda: shows(stack, message["id"], steps), "stored, projected, published")
    mute = Device(stack.realtime_urls[0], pair[1].token, answers=False).online()
    wait_until(lambda: shows(stack, message["id"], steps | {"written": "yes"}), "written")
    mute.close()
    Device(stack.realtime_urls[0], pair[1].token).online()
    wait_until(lambda: shows(stack, message["id"], steps | {"written": "yes", "answered": "UTC"}), "answered")
    answer(web.post("/message/v1/read", {"conversation_id": conversation(*pair)}, pair[1].token))
    wait_until(lambda: shows(stack, message["id"], {"answered": "UTC", "read": "UTC"}), "read")


def shows(stack: Stack, message_id: int, steps: dict[str, str]) -> bool:
    code, output = im(stack, "trace", str(message_id))
    assert code == 0, output
    told = dict(line.split(maxsplit=1) for line in output.splitlines() if line.startswith("  "))
    return all(told[step].endswith(value) for step, value in steps.items())


def test_an_unknown_message_is_said_to_be_unknown(stack: Stack) -> None:
    code, output = im(stack, "trace", "9007199254740991")
    assert (code, output) == (1, "Error: no message 9007199254740991\n")


@pytest.mark.parametrize("name", ["web", "realtime", "worker", "media", "beat", "rpc"])
def test_no_process_starts_with_a_secret_that_anybody_would_try(stack: Stack, tmp_path: Path, name: str) -> None:
    secret = "your-access-secret-your-access-secret"
    env = databases.environment(stack.database_url, stack.redis_url) | {"JWT_SECRET_KEY": secret}
    places = {each: f"127.0.0.1:{free_port()}" for each in ("BIND", "REALTIME_BIND", "RPC_BIND")}
    process = Process(name, f"exec {commands()[name]}", log=tmp_path / name, env=with_programs(env | places))
    process.launch()
    try:
        wait_until(lambda: not process.running, "it to end")
    finally:
        process.kill()
    told = process.output()
    assert "JWT_SECRET_KEY holds a secret that is well known" in told
    assert secret not in told


def test_programs_are_told_in_json(web: Web, stack: Stack, pair: tuple[User, User]) -> None:
    name = conversation(*pair)
    assert objects(stack, "audit", name) == [{"conversations": 1, "drifted": 0, "repaired": False}]
    spoil(stack, f"UPDATE im_conversation SET unread_count = 7 {ROW}", user=pair[1].id, name=name)
    drift, counts = objects(stack, "audit", "--repair", name)
    assert counts == {"conversations": 1, "drifted": 1, "repaired": True}
    assert drift == {
        "conversation_id": name,
        "user_id": pair[1].id,
        "what": "unread_count",
        "stored": 7,
        "right": 3,
    }
    message = send(web, *pair, "where is it?")
    wait_until(lambda: unread(web, pair[1]) == 4, "it to be counted")
    wait_until(lambda: objects(stack, "trace", str(message["id"]))[0]["published"], "it to be published")
    assert objects(stack, "trace", str(message["id"])) == [
        {
            "message_id": message["id"],
            "user_id": pair[1].id,
            "conversation_id": name,
            "seq": 4,
            "stored": message["create_time"],
            "projected": True,
            "published": True,
            "parked": False,
            "written": False,
            "answered": None,
            "was_answered": False,
            "read": None,
            "was_read": False,
        }
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("typo", "typo is no conversation id, which is like 1_2"),
        ("9_8", "9_8 is no conversation id, which is like 1_2"),
        ("8_9000000", "no such conversation: 8_9000000"),
    ],
)
def test_a_name_that_is_none_is_refused(stack: Stack, name: str, said: str) -> None:
    assert im(stack, "audit", name) == (2, f"Error: {said}\n")
    assert im(stack, "audit", "--repair", name) == (2, f"Error: {said}\n")


@pytest.mark.parametrize("arguments", [(IM, "audit"), ("alembic", "upgrade", "head")])
@pytest.mark.parametrize("wrong", ["no scheme of ours", "nobody listens", "wrong user", "no setting"])
def test_what_is_wrong_is_told_in_a_line(stack: Stack, arguments: tuple[str, ...], wrong: str) -> None:
    url = make_url(stack.database_url)
    said, settings = {
        "no scheme of ours": ("mysql+pymysql://", {"DATABASE_URL": "postgres://im:hidden@127.0.0.1/im"}),
        "nobody listens": ("2003", {"DATABASE_URL": url.set(port=1).render_as_string(hide_password=False)}),
        "wrong user": ("1045", {"DATABASE_URL": str(url.set(username="nobody", password=None))}),
        "no setting": ("JWT_SECRET_KEY", {"JWT_SECRET_KEY": ""}),
    }[wrong]
    code, output = program(stack, *arguments, **settings)
    assert code != 0
    assert said in output
    assert len(output.splitlines()) == 1, output
    assert "hidden" not in output


def test_a_database_without_tables_is_told_in_a_line(stack: Stack, tmp_path: Path) -> None:
    found = im(stack, "audit", DATABASE_URL=f"sqlite:///{tmp_path}/new.db")
    assert found == (3, "Error: no schema: run alembic upgrade head\n")


def test_an_event_that_cannot_be_told_holds_up_nobody_and_is_told_when_it_can_be(fresh_stack: Stack) -> None:
    fresh_stack.start(rpc=0)
    web = Web(fresh_stack.web_url)
    alice, bob = friends(web)
    device = Device(fresh_stack.realtime_urls[0], bob.token).online()
    (worker,) = fresh_stack.named("worker")
    worker.freeze()
    lost, kept = send(web, alice, bob, "lost"), send(web, alice, bob, "kept")
    spoil(fresh_stack, "CREATE TABLE aside AS SELECT * FROM im_message WHERE id = :id", id=lost["id"])
    spoil(fresh_stack, "DELETE FROM im_message WHERE id = :id", id=lost["id"])
    worker.thaw()
    assert device.expect("new_message") == [kept]
    wait_until(lambda: len(objects(fresh_stack, "outbox", "list")) == 2, "it to be parked")
    event, counts = objects(fresh_stack, "outbox", "list")
    assert (event["message_id"], event["reason"]) == (lost["id"], f"LookupError: message {lost['id']} is gone")
    assert counts == {"events": 1}
    assert storage.outbox(fresh_stack) == 0
    spoil(fresh_stack, "INSERT INTO im_message SELECT * FROM aside")
    code, said = im(fresh_stack, "outbox", "retry", str(event["id"]))
    assert (code, said.splitlines()[-1]) == (0, "1 events tried again")
    wait_until(lambda: storage.outbox(fresh_stack) == 0, "it to be told")
    assert objects(fresh_stack, "outbox", "list") == [{"events": 0}]
    assert im(fresh_stack, "outbox", "list", str(event["id"]))[0] == 2
