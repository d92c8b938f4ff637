"""Tests of `python -m drill`: what it does and finds on a deployment that is right, and on one without its sweep."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from drill import findings
from drill.blows import NotAllowed, Victim
from drill.findings import Stored
from drill.sending import Sent
from tests import databases
from tests.processes import ROOT, Process
from tests.servers import RedisServer
from tests.stack import Stack

ALLOWED = {"DRILL": "1"}


def drill(stack: Stack, *arguments: str, **environment: str) -> tuple[int, str]:
    """Run `python -m drill`. Returns its exit code and output."""
    env = databases.environment(stack.database_url, stack.redis_url) | environment
    doors = ("--web", stack.web_url, "--realtime", stack.realtime_urls[0]) if stack.processes else ()
    command = [sys.executable, "-m", "drill", *doors, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=150)
    return done.returncode, done.stdout + done.stderr


def victim(process: Process) -> str:
    return f"{process.name}={process.pid}"


@contextmanager
def started_again(stack: Stack) -> Iterator[None]:
    """Start what has been killed, as a process manager does, as long as the block runs."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.2):
            for process in stack.processes:
                if not process.running:
                    process.launch()

    keeper = threading.Thread(target=look)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def test_a_deployment_that_is_right_survives_and_the_report_says_so(fresh_stack: Stack) -> None:
    fresh_stack.start(rpc=0, **ALLOWED)
    web, relay, worker, beat = fresh_stack.processes
    kills = [word for each in (web, relay, worker) for word in ("--kill", victim(each))]
    with started_again(fresh_stack):
        told = drill(
            *(fresh_stack, "--seconds", "10", "--sends", "10", "--json", *kills),
            *("--stop", victim(beat), "--flush"),
            **ALLOWED,
        )
    assert told[0] == 0, told[1]
    report = json.loads(told[1])
    assert [what for _, what in report["done"]] == [
        *(f"killed {each.name}" for each in (web, relay, worker)),
        f"stopped {beat.name} for 3 s",
        "emptied Redis",
        f"emptied Redis while {beat.name} stood still, and the load ended",
    ]
    assert report["wrong"] == []
    assert report["sends"] > 50
    assert report["given_up"] == 0
    assert report["sockets_closed"] >= report["sockets_untold"] == report["accounts"] == 2
    assert report["whole_after"] is not None
    assert 0 < report["send_p50"] <= report["send_p99"]
    assert 0 < report["push_p50"] <= report["push_p99"]


def test_a_deployment_without_its_sweep_is_found_out(fresh_stack: Stack) -> None:
    fresh_stack.start(rpc=0, beat=0, **ALLOWED)
    (worker,) = fresh_stack.named("worker")
    code, told = drill(
        *(fresh_stack, "--seconds", "5", "--sends", "10", "--quiet", "4", "--stop", victim(worker), "--flush"),
        **ALLOWED,
    )
    assert code == 1, told
    lines = [line.removeprefix("wrong     ") for line in told.splitlines() if line.startswith("wrong")]
    assert [line for line in lines if " events lie in the outbox, the oldest for " in line], told
    assert [line for line in lines if "is beat running, and a worker?" in line], told
    assert [line for line in lines if " are unread, right is " in line], told
    assert told.splitlines()[-1] == f"{len(lines)} faults"


@pytest.mark.skipif(not os.environ.get("LONG"), reason="waits until the drill gives its sends up; LONG=1 runs it")
def test_a_web_process_that_stays_away_is_reported(fresh_stack: Stack) -> None:
    fresh_stack.start(rpc=0, **ALLOWED)
    (web,) = fresh_stack.named("web")
    code, told = drill(fresh_stack, "--seconds", "5", "--quiet", "1", "--kill", victim(web), **ALLOWED)
    assert code == 1, told
    assert "wrong     the REST door does not answer: ConnectionRefusedError" in told


@pytest.mark.parametrize("setting", [{}, {"DRILL": "0"}])
def test_elsewhere_it_is_refused_in_a_line(database: str, own_redis: RedisServer, tmp_path: Path, setting: Any) -> None:
    idle = Stack(database, own_redis.url, tmp_path)
    code, told = drill(idle, "--flush", **setting)
    assert (code, len(told.splitlines())) == (2, 1)
    assert "does not say DRILL=1" in told


def test_a_process_that_does_not_say_so_itself_is_left_alone(
    database: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    idle = Stack(database, own_redis.url, tmp_path)
    other = Process("other", "exec sleep 1000", log=tmp_path / "log", env={"DRILL": "0"})
    other.start()
    (tmp_path / "pid").write_text(f"{other.pid}\n")
    for option, where in (("--kill", str(other.pid)), ("--stop", str(tmp_path / "pid"))):
        code, told = drill(idle, option, f"other={where}", **ALLOWED)
        assert (code, len(told.splitlines())) == (2, 1)
        assert f"the environment of process {other.pid} does not say DRILL=1" in told
    assert other.running
    other.kill()


@pytest.mark.parametrize("wrong", ["other", "other=", "other=nowhere", "other=0", "other=99999999"])
def test_what_names_no_process_is_refused(wrong: str) -> None:
    with pytest.raises(NotAllowed):
        Victim.parse(wrong).pid()


def test_a_deployment_that_does_not_answer_is_said_in_a_line(
    database: str, own_redis: RedisServer, tmp_path: Path
) -> None:
    idle = Stack(database, own_redis.url, tmp_path)
    code, told = drill(idle, "--web", "http://127.0.0.1:1", **ALLOWED)
    assert (code, len(told.splitlines())) == (3, 1)


GOOD = [Stored("a", 11, 1, 1), Stored("b", 12, 2, 2), Stored("c", 13, 3, 1)]


def sent(key: str, message_id: int, seq: int) -> Sent:
    return Sent(key, message_id, seq, 0.0, 0.1, 1, "")


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (GOOD, None),
        (GOOD[:2], "1 answered messages are not stored as they were answered"),
        ([*GOOD[:2], Stored("c", 14, 3, 1)], "1 answered messages are not stored as they were answered"),
        ([GOOD[0], *GOOD[2:]], "the seqs have a hole or a repeat"),
        ([*GOOD, Stored("c", 14, 4, 1)], "1 messages are stored twice"),
    ],
)
def test_each_fault_of_a_conversation_is_found(stored: list[Stored], said: str | None) -> None:
    found = list(findings.of_conversation("1_2", stored, [sent("a", 11, 1), sent("c", 13, 3)]))
    assert found == [] if said is None else f"1_2: {said}" in found


@pytest.mark.parametrize(
    ("order", "missing", "said"),
    [
        ([1, 3, 4], 0, []),
        ([1, 4, 3], 0, ["user 2: messages came out of order 1 times"]),
        ([1, 3], 2, ["user 2: 2 answered messages have not reached the device"]),
    ],
)
def test_each_fault_of_a_device_is_found(order: list[int], missing: int, said: list[str]) -> None:
    assert list(findings.of_device(2, order, missing)) == said
