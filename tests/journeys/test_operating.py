"""What an operator asks and repairs: `flask audit` and `flask trace` against a running deployment."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests import databases
from tests.device import Device
from tests.people import User, Web, answer, conversation, conversations, friends, send, unread
from tests.processes import ROOT, Process, free_port, wait_until
from tests.stack import Stack, commands, with_programs


@pytest.fixture
def pair(web: Web, stack: Stack) -> tuple[User, User]:
    """Two friends, with three messages that are counted and not delivered."""
    made = friends(web)
    for number in range(3):
        send(web, *made, f"number {number}")
    wait_until(lambda: unread(web, made[1]) == 3, "three unread")
    wait_until(lambda: conversations(web, made[0]), "the sender's own row")
    return made


def flask(stack: Stack, *arguments: str) -> tuple[int, str]:
    """The exit code and output of `flask …`."""
    env = with_programs(databases.environment(stack.database_url, stack.redis_url))
    command = [sys.executable, "-m", "flask", "--app", "wsgi:web", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


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
        (f"UPDATE im_conversation SET last_message_content = 'x' {ROW}", "last_message_content"),
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
    assert flask(stack, "audit", name) == (0, "1 conversations, 0 drifted\n")
    spoil(stack, statement, user=pair[1].id, name=name)
    code, found = flask(stack, "audit", name)
    assert code == 1
    assert what in found
    assert flask(stack, "audit", "--repair", name)[0] == 0
    wait_until(lambda: flask(stack, "audit", name)[0] == 0, "nothing to be found any more")
    left = {"seqs": 2, "read_seq": 0}  # one message is gone; all that there is was said to be read
    wait_until(lambda: unread(web, pair[1], name) == left.get(what, 3), "the right count")


def test_all_conversations_are_checked_without_a_name(stack: Stack, pair: tuple[User, User]) -> None:
    wait_until(lambda: " 0 drifted" in flask(stack, "audit")[1], "a clean audit of everything")


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
    code, output = flask(stack, "trace", str(message_id))
    assert code == 0, output
    told = dict(line.split(maxsplit=1) for line in output.splitlines() if line.startswith("  "))
    return all(told[step].endswith(value) for step, value in steps.items())


def test_an_unknown_message_is_said_to_be_unknown(stack: Stack) -> None:
    code, output = flask(stack, "trace", "9007199254740991")
    assert (code, output) == (1, "Error: no message 9007199254740991\n")


@pytest.mark.parametrize("name", ["web", "realtime", "worker", "beat", "rpc"])
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
