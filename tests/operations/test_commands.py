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
from tests.commands import IM, im, objects, parsed, several
from tests.embedded_run import EmbeddedRun
from tests.messaging.conftest import ALICE, BOB, befriend, drain, messages, set_message, stored
from tests.people import Web, answer, conversation, friends, new_group, new_user, send, upload
from tests.processes import ROOT, wait_until
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
    lines = [["create", name.upper(), "--nickname", "Op", "--json"], ["token", name, "--json"]]
    made, issued = (parsed(told)[0] for _, told in several(stack, *(["user", *line] for line in lines)))
    known = {"username": name, "password": made["password"]}
    mine = ("/friend/v1/list", {}, issued["access_token"])
    assert answer(web.post("/user/v1/login", known))["user"]["nickname"] == "Op"
    assert answer(web.post(*mine))["total"] == 0
    again, disabled = several(stack, ["user", "create", name], ["user", "disable", name, "--json"])
    assert again == (2, f"Error: the username is taken: {name}\n")
    assert parsed(disabled[1]) == [{"id": made["id"]}]
    assert web.post("/user/v1/login", known).status_code == 401
    wait_until(lambda: web.post(*mine).status_code == 401, "the token to be refused")
    new = im(stack, "user", "password", str(made["id"]), "--password-stdin", stdin="another long one\n")
    assert new == (0, f"user {made['id']} has a new password\n")
    known["password"] = "another long one"
    assert answer(web.post("/user/v1/login", known))["user"]["id"] == made["id"]


def test_a_misused_command_says_why_in_a_line(stack: Stack) -> None:
    misused = {
        "user disable nobody.here": "no such user: nobody.here",
        "user token 9007199254740991": "no such user: 9007199254740991",
        "user token 90071992547409910000000": "no such user: 90071992547409910000000",
        "user token 1 --seconds 1000000": "no access token is good for more than 86400 seconds",
        "user create x!": "username: ",
        "user create short --password-stdin": "password: ",
        "user password": "Missing argument 'USER'",
        "user revoke alice": "'alice' is not a valid integer range.",
        "export nobody.here /nowhere": "no such user: nobody.here",
        "friends import /nowhere.csv": "'/nowhere.csv': No such file or directory",
        "purge": "this deployment keeps everything: say --older-than or --withdrawn",
        "outbox retry": "name events, or say --all",
        "outbox drop 9 --yes": "not parked: 9",
        "outbox list 9": "not parked: 9",
        "audit --sample 5 1_2": "--sample chooses conversations itself",
        "audit --sample 5 --media": "--media checks the whole storage, and repairs nothing",
        "canary": "there is no canary: set CANARY_WEB_URL, CANARY_REALTIME_URL and CANARY_USERS",
        "drill": "this deployment does not say DRILL=1, so that nothing is done to it",
        "trace 0": "0 is not in the range 1<=x<=",
        "nothing": "No such command 'nothing'.",
    }
    done = several(stack, *(line.split() for line in misused))
    for (line, said), (status, told) in zip(misused.items(), done, strict=True):
        assert (status, told.count("\n"), told.startswith("Error: "), said in told) == (2, 1, True, True), (line, told)


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
    twice = several(stack, *[["friends", "import", str(file), "--json"]] * 2)
    for status, told in twice:
        assert (status, parsed(told)) == (1, [*wrong, {"friendships": 303, "errors": 9}])
    for user in (alice, bob, carol):
        assert answer(web.post("/friend/v1/list", {}, user.token))["total"] == 2
    told = im(stack, "friends", "import", "-", stdin=f"{alice.id},{bob.id}\n")
    assert told == (0, "1 pairs are friends, 0 lines were wrong\n")


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
    answer(web.post("/message/v1/delete", {"message_id": gone["id"]}, bob.token))
    answer(web.post("/message/v1/delete", {"message_id": hidden["id"], "scope": "self"}, alice.token))
    group = new_group(web, bob, alice)
    data = f"bytes {alice.id}".encode()
    media = upload(web, bob, data)
    carried = send(web, bob, alice, message_type=5, extra={"media_id": media["media_id"], "name": "a.bin"}, content="")
    foreign = upload(web, bob, b"of nobody else")
    place = tmp_path / "out"
    assert im(stack, "export", alice.username, str(place))[0] == 0
    found = exported(place)
    assert found["profile"][0]["username"] == alice.username
    assert [each["id"] for each in found["friend"]] == [bob.id]
    assert [each["id"] for each in found["group"]] == [group["id"]]
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


def test_an_export_whose_bytes_are_missing_says_so(web: Web, stack: Stack, tmp_path: Path) -> None:
    alice = new_user(web)
    upload(web, alice, b"soon gone")
    elsewhere = {"MEDIA_STORAGE": str(tmp_path / "empty")}
    (tmp_path / "empty").mkdir()
    code, told = im(stack, "export", str(alice.id), str(tmp_path / "out"), **elsewhere)
    assert (code, told.splitlines()[-1]) == (1, "2 entries, the bytes of 1 uploads are missing")


def test_old_messages_are_counted_and_only_then_removed(stack: Stack, database: str) -> None:
    here = {"DATABASE_URL": database, "RETENTION_SECONDS": "2592000"}
    befriend(ALICE, BOB)
    for message in (stored(ALICE, BOB, "one"), stored(ALICE, BOB, "two")):
        set_message(message, create_time=LONG_AGO)
    drain()
    counted = several(stack, ["purge"], ["purge", "--older-than", "3000", "--json"], **here)
    assert [status for status, _ in counted] == [0, 0]
    assert counted[0][1] == "2 messages, 0 texts are due\n"
    assert parsed(counted[1][1]) == [{"messages": 0, "texts": 0, "removed": False}]
    assert [each.content for each in messages()] == ["one", "two"]
    removed = several(stack, ["purge", "--yes"], ["purge", "--yes"], **here)
    assert removed == [(0, "2 messages, 0 texts removed\n"), (0, "0 messages, 0 texts removed\n")]
    assert [each.content for each in messages()] == ["", ""]


def _parked(id_: int) -> dict[str, Any]:
    fields = {"shard": 3, "conversation_id": "1_2", "kind": 1, "message_id": 7, "user_id": 0, "change_seq": 1}
    times = {"create_time": LONG_AGO, "park_time": LONG_AGO}
    return fields | times | {"id": id_, "applied": True, "reason": "LookupError: gone"}


def test_parked_events_are_dropped_only_by_name_and_with_yes(stack: Stack, database: str) -> None:
    here = {"DATABASE_URL": database}
    write(lambda session, _now: session.execute(insert(Parked), [_parked(id_) for id_ in (4, 5)]))
    code, told = im(stack, "outbox", "drop", "4", **here)  # no --yes
    assert code == 2
    assert told.splitlines()[-1] == "Error: nothing was dropped: say --yes to drop these events for good"
    lines = ["drop 4 6 --yes", "list --json", "drop 4 --yes --json", "list 5", "retry --all", "list --json"]
    done = several(stack, *(f"outbox {line}".split() for line in lines), REDIS_URL=databases.NOBODY_LISTENS, **here)
    assert done[0] == (2, "Error: not parked: 6\n")
    assert [each.get("id") for each in parsed(done[1][1])] == [4, 5, None]
    assert parsed(done[2][1])[-1] == {"events": 1}
    assert done[3] == (0, "5  1_2  kind 1  LookupError: gone\n1 events parked\n")
    first, away, last = done[4][1].splitlines()
    assert (done[4][0], first, last) == (0, "5  1_2  kind 1  LookupError: gone", "1 events tried again")
    assert away.startswith("Redis is away, so that it is told when it is back: ")
    assert parsed(done[5][1]) == [{"events": 0}]


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


def test_a_random_sample_is_audited(web: Web, stack: Stack) -> None:
    send(web, *friends(web))
    *_, counts = objects(stack, "audit", "--sample", "1000", "--repair")
    assert counts["conversations"] >= 1


@pytest.mark.parametrize(
    ("arguments", "settings", "status", "said"),
    [
        ("user token 1", {"DATABASE_URL": "mysql+pymysql://im@127.0.0.1:1/im"}, 3, "the database of DATABASE_URL"),
        ("relays", {"REDIS_URL": databases.NOBODY_LISTENS}, 3, "the Redis of REDIS_URL does not answer: "),
        ("relays", {"JWT_SECRET_KEY": ""}, 2, "JWT_SECRET_KEY"),
        ("export 1 /proc/none", {}, 1, "/proc/none"),
        ("user nothing", {}, 2, "No such command 'nothing'."),
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
        return subprocess.run([IM, *arguments], env=places, capture_output=True, text=True, check=False).stdout

    wait_until(lambda: "1 relays" in told("relays"), "the relay to report")
    assert json.loads(told("user", "token", "alice", "--json"))["id"]
