"""Tests of the operator's commands on a running deployment: what each does, and how it says what is wrong.

Those of `im audit`, `trace` and `outbox` after a damage are in tests/journeys/test_operating.py, `drill` has its own.
"""

import inspect
import json
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from commands.declared import COMMANDS
from db.outbox_parked import Parked
from db.session import write
from tests import databases
from tests.commands import IM, im, objects
from tests.embedded_run import EmbeddedRun
from tests.messaging.conftest import ALICE, BOB, befriend, drain, messages, set_message, stored
from tests.people import Web, answer, conversation, friends, new_group, new_user, send, upload
from tests.processes import ROOT
from tests.servers import RedisServer
from tests.stack import Stack

HEAVY = {"flask", "sqlalchemy", "celery", "gevent", "redis", "marshmallow", "structlog", "requests"}
LONG_AGO = datetime.fromisoformat("2020-01-01")  # UTC, as the tables hold it


def test_no_help_imports_the_service() -> None:
    asked = [[], *([*each.words.split()[:count]] for each in COMMANDS for count in (1, 2))]
    source = (
        "import sys\nfrom commands.__main__ import main\n"
        f"for words in {asked!r}:\n"
        "    sys.argv[1:] = [*words, '--help']\n"
        "    try: main()\n"
        "    except SystemExit as end: assert end.code == 0, words\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.splitlines()[-1].split())
    assert done.stdout.count("Usage: im") == len(asked)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.words)
def test_a_command_takes_what_it_declares(command: Any) -> None:
    taken = inspect.signature(import_module(command.module).run).parameters
    assert {each.name for each in command.params} == set(taken)


def test_an_account_from_its_making_to_its_end(web: Web, stack: Stack) -> None:
    name = f"op{new_user(web).id}"
    made, told = objects(stack, "user", "create", name.upper(), "--nickname", "Op"), {"username": name}
    (account,) = made
    assert answer(web.post("/user/v1/login", told | {"password": account["password"]}))["user"]["nickname"] == "Op"
    assert im(stack, "user", "create", name) == (2, f"Error: the username is taken: {name}\n")
    (token,) = objects(stack, "user", "token", name, "--seconds", "60")
    assert answer(web.post("/friend/v1/list", {}, token["access_token"]))["total"] == 0
    assert objects(stack, "user", "disable", name) == [{"id": account["id"]}]
    assert web.post("/user/v1/login", told | {"password": account["password"]}).status_code == 401
    assert web.post("/friend/v1/list", {}, token["access_token"]).status_code == 401
    new = im(stack, "user", "password", str(account["id"]), "--password-stdin", stdin="another long one\n")
    assert new == (0, f"user {account['id']} has a new password\n")
    assert answer(web.post("/user/v1/login", told | {"password": "another long one"}))["user"]["id"] == account["id"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ("disable nobody.here", "", "no such user: nobody.here"),
        ("token 9007199254740991", "", "no such user: 9007199254740991"),
        ("token 90071992547409910000000", "", "no such user: 90071992547409910000000"),
        ("token 1 --seconds 1000000", "", "no access token is good for more than"),
        ("create x!", "", "username: "),
        ("create short --password-stdin", "1\n", "password: "),
        ("password", "", "Missing argument 'USER'"),
    ],
)
def test_a_misused_command_about_a_user_says_why(stack: Stack, arguments: str, stdin: str, said: str) -> None:
    status, told = im(stack, "user", *arguments.split(), stdin=stdin)
    assert (status, len(told.splitlines())) == (2, 1), told
    assert told.startswith("Error: ")
    assert said in told


def test_a_file_of_friends_is_imported_and_its_wrong_lines_are_named(web: Web, stack: Stack, tmp_path: Path) -> None:
    alice, bob, carol = (new_user(web) for _ in range(3))
    lines = [
        "user,friend",
        f"{alice.username.upper()}, {bob.id}",
        "",
        f'"{carol.id}",{alice.id}',
        *[f"{bob.id},{alice.id}"] * 300,
        f"{alice.id},nobody.here",
        f"{alice.id},{alice.username}",
        f"{alice.id}",
        f'{alice.id},"{bob.id}',
        f"{alice.id},9007199254740991",
        "ü😀,1",
        "1," + "x" * 100_000,
        f"{bob.id},{carol.id}",
    ]
    file = tmp_path / "friends.csv"
    file.write_bytes("\ufeff".encode() + "\n".join(lines).encode() + b"\n\xff,1\n1\r2,3")
    wrong = [
        {"line": 305, "error": "no such user: nobody.here"},
        {"line": 306, "error": "nobody is a friend of themselves"},
        {"line": 307, "error": "not two users with a comma between them"},
        {"line": 308, "error": "not two users with a comma between them"},
        {"line": 309, "error": "no such user: 9007199254740991"},
        {"line": 310, "error": "no such user: ü😀"},
        {"line": 311, "error": "too long"},
        {"line": 313, "error": "not UTF-8"},
        {"line": 314, "error": "not two users with a comma between them"},
    ]
    for _ in range(2):
        assert objects(stack, "friends", "import", str(file)) == [*wrong, {"friendships": 303, "errors": 9}]
        for user in (alice, bob, carol):
            assert answer(web.post("/friend/v1/list", {}, user.token))["total"] == 2
    status, told = im(stack, "friends", "import", "-", stdin=f"{alice.id},{bob.id}\n")
    assert (status, told) == (0, "1 pairs are friends, 0 lines were wrong\n")


def exported(directory: Path) -> dict[str, list[dict[str, Any]]]:
    """Returns what a user's export holds, by its kind."""
    found = defaultdict(list)
    for line in (directory / "export.jsonl").read_text().splitlines():
        entry = json.loads(line)
        found[entry["kind"]].append(entry[entry["kind"]])
    return found


def test_an_export_holds_what_the_user_sees_and_no_more(web: Web, stack: Stack, tmp_path: Path) -> None:
    alice, bob = friends(web)
    shown = [send(web, alice, bob, f"m{number}")["id"] for number in range(3)]
    gone, hidden = send(web, bob, alice, "gone"), send(web, bob, alice, "hidden")
    answer(web.post("/message/v1/delete", {"message_id": gone["id"], "delete_for_everyone": True}, bob.token))
    answer(web.post("/message/v1/delete", {"message_id": hidden["id"]}, alice.token))
    group = new_group(web, bob, alice)
    data = f"bytes {alice.id}".encode()
    media = upload(web, bob, data)
    carried = send(web, bob, alice, message_type=5, extra={"media_id": media["media_id"]}, content="")
    foreign = upload(web, bob, b"of nobody else")
    place = tmp_path / "out"
    assert im(stack, "export", alice.username, str(place))[0] == 0
    found = exported(place)
    assert found["profile"][0]["username"] == alice.username
    assert [each["id"] for each in found["friend"]] == [bob.id]
    assert [each["group_id"] for each in found["group"]] == [group["group_id"]]
    assert {each["conversation_id"] for each in found["conversation"]} >= {conversation(alice, bob)}
    assert [each["id"] for each in found["message"] if each["conversation_id"] == conversation(alice, bob)] == [
        *shown,
        carried["id"],
    ]
    assert [each["media_id"] for each in found["upload"]] == [media["media_id"]]
    assert (place / "media" / media["media_id"]).read_bytes() == data
    assert foreign["media_id"] not in (place / "export.jsonl").read_text()
    assert {path.stat().st_mode & 0o077 for path in (place, *place.rglob("*"))} == {0}
    assert im(stack, "export", str(alice.id), str(place)) == (2, f"Error: {place} is not empty\n")
    assert im(stack, "export", "nobody.here", str(tmp_path / "none")) == (2, "Error: no such user: nobody.here\n")
    assert not (tmp_path / "none").exists()


def test_an_export_whose_bytes_are_missing_says_so(web: Web, stack: Stack, tmp_path: Path) -> None:
    alice = new_user(web)
    upload(web, alice, b"soon gone")
    elsewhere = {"MEDIA_STORAGE": str(tmp_path / "empty")}
    (tmp_path / "empty").mkdir()
    code, told = im(stack, "export", str(alice.id), str(tmp_path / "out"), **elsewhere)
    assert (code, told.splitlines()[-1]) == (1, "2 entries, the bytes of 1 uploads are missing")


def test_old_messages_are_counted_and_only_then_removed(stack: Stack, database: str) -> None:
    here = {"DATABASE_URL": database}
    befriend(ALICE, BOB)
    for message in (stored(ALICE, BOB, "one"), stored(ALICE, BOB, "two")):
        set_message(message, create_time=LONG_AGO)
    drain()
    assert im(stack, "purge", **here)[0] == 2
    due = {"messages": 2, "texts": 0}
    for _ in range(2):
        assert objects(stack, "purge", "--older-than", "30", **here) == [due | {"removed": False}]
    assert im(stack, "purge", "--yes", RETENTION_SECONDS="2592000", **here)[1] == "2 messages, 0 texts removed\n"
    assert [each.content for each in messages()] == ["", ""]
    assert im(stack, "purge", "--older-than", "30", **here)[1] == "0 messages, 0 texts are due\n"


def _parked(id_: int) -> dict[str, Any]:
    fields = {"shard": 3, "conversation_id": "1_2", "kind": 1, "message_id": 7, "user_id": 0, "change_seq": 1}
    times = {"create_time": LONG_AGO, "park_time": LONG_AGO}
    return fields | times | {"id": id_, "applied": True, "reason": "LookupError: gone"}


def test_parked_events_are_dropped_only_by_name_and_with_yes(stack: Stack, database: str) -> None:
    here = {"DATABASE_URL": database}
    write(lambda session, _now: session.execute(insert(Parked), [_parked(id_) for id_ in (4, 5)]))
    code, told = im(stack, "outbox", "drop", "4", **here)
    assert code == 2
    assert told.splitlines()[-1] == "Error: nothing was dropped: say --yes to drop these events for good"
    assert im(stack, "outbox", "drop", "4", "6", "--yes", **here) == (2, "Error: not parked: 6\n")
    assert [each.get("id") for each in objects(stack, "outbox", "list", **here)] == [4, 5, None]
    assert objects(stack, "outbox", "drop", "4", "--yes", **here)[-1] == {"events": 1}
    assert im(stack, "outbox", "retry", **here) == (2, "Error: name events, or say --all\n")
    code, told = im(stack, "outbox", "retry", "--all", REDIS_URL=databases.NOBODY_LISTENS, **here)
    assert (code, told.splitlines()[1]) == (0, "1 events tried again")
    assert told.splitlines()[2].startswith("Redis is away, so that it is told when it is back: ")
    assert objects(stack, "outbox", "list", **here) == [{"events": 0}]


def test_relays_are_listed_with_their_sockets(stack: Stack, own_redis: RedisServer) -> None:
    *each, counts = objects(stack, "relays")
    assert counts["relays"] == len(each) >= 1
    assert all(one["age"] < 30 and one["users"] <= one["connections"] for one in each)
    assert im(stack, "relays", REDIS_URL=own_redis.url) == (1, "0 relays, 0 sockets\n")


def test_a_canary_flies_once(web: Web, stack: Stack) -> None:
    alice, bob = friends(web)
    way = {"CANARY_WEB_URL": stack.web_url, "CANARY_REALTIME_URL": stack.realtime_urls[0]}
    users = {"CANARY_USERS": f"{alice.id},{bob.id}"}
    (seconds,) = objects(stack, "canary", **way, **users)
    assert {"connect", "send", "receive", "read"} <= seconds.keys()
    code, told = im(stack, "canary", **way | {"CANARY_REALTIME_URL": "http://127.0.0.1:1"}, **users)
    assert (code, told.splitlines()) == (1, [told.strip()])
    assert told.startswith("Error: connect: ConnectionRefusedError")
    assert im(stack, "canary")[0] == 2


def test_a_random_sample_is_audited(web: Web, stack: Stack) -> None:
    send(web, *friends(web))
    *_, counts = objects(stack, "audit", "--sample", "1000", "--repair")
    assert counts["conversations"] >= 1
    assert im(stack, "audit", "--sample", "5", "1_2") == (2, "Error: --sample chooses conversations itself\n")


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "said"),
    [
        ("user token 1", {"DATABASE_URL": "mysql+pymysql://im@127.0.0.1:1/im"}, 3, "the database of DATABASE_URL"),
        ("relays", {"REDIS_URL": databases.NOBODY_LISTENS}, 3, "the Redis of REDIS_URL does not answer: "),
        ("relays", {"JWT_SECRET_KEY": ""}, 2, "JWT_SECRET_KEY"),
        ("friends import /nowhere.csv", {}, 2, "/nowhere.csv"),
        ("export 1 /proc/none", {}, 1, "/proc/none"),
        ("nothing", {}, 2, "No such command 'nothing'."),
    ],
)
def test_what_is_wrong_is_said_in_a_line_on_stderr(
    web: Web, stack: Stack, arguments: str, settings: dict[str, str], status: int, said: str
) -> None:
    new_user(web)  # there is a user 1
    env = databases.environment(stack.database_url, stack.redis_url) | settings
    command = [IM, *arguments.split()]
    done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (status, "", 1), done.stderr
    assert said in done.stderr


def test_the_embedded_service_needs_no_settings(embedded: EmbeddedRun) -> None:
    places = {"EMBEDDED_VAR": str(embedded.var), "EMBEDDED_REDIS_PORT": str(embedded.redis_port)}

    def told(*arguments: str) -> str:
        return subprocess.run([IM, *arguments], env=places, capture_output=True, text=True, check=True).stdout

    assert "1 relays" in told("relays")
    assert json.loads(told("user", "token", "alice", "--json"))["id"]
