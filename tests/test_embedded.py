"""Tests of `make run`: it starts, keeps its data, says in one line why it cannot start, and leaves nothing running."""

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from infra.demo_users import DEMO_USERS
from tests.embedded_run import EmbeddedRun
from tests.people import Web, answer, new_user
from tests.processes import living, wait_until


@pytest.fixture
def run(tmp_path: Path) -> Iterator[EmbeddedRun]:
    """Yields an embedded run that the test starts and stops itself."""
    made = EmbeddedRun(tmp_path)
    yield made
    made.stop()


def _sign_in(run: EmbeddedRun, username: str = "alice") -> str:
    user = next(user for user in DEMO_USERS if user["username"] == username)
    token: str = answer(Web(run.url).post("/user/v1/login", user))["access_token"]
    return token


def test_demo_users_are_friends(embedded: EmbeddedRun) -> None:
    friends = answer(Web(embedded.url).post("/friend/v1/list", {}, _sign_in(embedded)))
    assert friends["total"] == 1
    assert "bob" in str(friends["friends"])


def test_what_it_writes_is_for_its_owner_alone(embedded: EmbeddedRun) -> None:
    for path in (embedded.var, *embedded.var.rglob("*")):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO), path


def test_no_secret_on_a_command_line(embedded: EmbeddedRun) -> None:
    secrets = [line.split("=", 1)[1] for line in (embedded.var / "secrets.env").read_text().splitlines()]
    shown = [word for process in embedded.descendants() for word in process.cmdline()]
    assert len(secrets) == 2
    assert not [word for word in shown if any(secret in word for secret in secrets)]


def test_a_stranger_cannot_use_its_valkey(embedded: EmbeddedRun) -> None:
    with redis.Redis(port=embedded.redis_port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_it_runs_once_in_a_place(embedded: EmbeddedRun, tmp_path: Path) -> None:
    second = EmbeddedRun(tmp_path, EMBEDDED_VAR=str(embedded.var))
    second.launch()
    assert second.wait() == 1
    assert second.output().splitlines() == [
        f"not started: it runs already, as process {embedded.pid}, in {embedded.var}"
    ]
    assert embedded.ready()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_no_process_is_left_behind(run: EmbeddedRun, end: signal.Signals) -> None:
    run.start()
    family = run.descendants()
    assert len(family) > 5
    os.kill(run.pid, end)
    code = run.wait()
    assert (code == 0) is (end is signal.SIGINT)
    assert not living(family)


def test_the_last_line_of_a_start_is_where_to_go(run: EmbeddedRun) -> None:
    run.start()
    wait_until(lambda: "is ready" in run.output(), "the address")
    told = run.output().splitlines()
    address = next(place for place, line in enumerate(told) if f"http://localhost:{run.port} is ready" in line)
    assert [line for line in told[address + 1 :] if line] == []
    assert len(told) < 20
    assert not [line for line in told if "WARNING" in line or "[warning" in line or '{"' in line]


def test_a_killed_process_ends_the_rest(run: EmbeddedRun) -> None:
    run.start()
    family = run.descendants()
    next(process for process in family if "valkey-server" in process.name()).kill()
    run.wait()
    assert not living(family)


def test_a_second_start_finds_everything(run: EmbeddedRun) -> None:
    run.start()
    secrets = (run.var / "secrets.env").read_bytes()
    somebody = new_user(Web(run.url))
    run.stop()
    run.start()
    assert (run.var / "secrets.env").read_bytes() == secrets
    found = answer(Web(run.url).post("/user/v1/me", token=somebody.token))
    assert found["user"]["username"] == somebody.username
    assert answer(Web(run.url).post("/friend/v1/list", {}, _sign_in(run, "bob")))["total"] == 1


def test_what_a_kill_left_over_is_replaced(run: EmbeddedRun) -> None:
    run.start()
    left_over = run.descendants()
    psutil.Process(run.pid).kill()
    wait_until(lambda: not run.running, "the supervisor to end")
    assert living(left_over)
    run.start()
    assert not living(left_over)
    _sign_in(run)


@pytest.mark.parametrize("variable", ["PORT", "EMBEDDED_REDIS_PORT", "EMBEDDED_RPC_PORT"])
def test_a_taken_port_is_told_in_one_line(run: EmbeddedRun, variable: str) -> None:
    port = {"PORT": run.port, "EMBEDDED_REDIS_PORT": run.redis_port, "EMBEDDED_RPC_PORT": run.rpc_port}[variable]
    with socket.create_server(("127.0.0.1", port)):
        run.launch()
        assert run.wait() == 1
    assert run.output().splitlines() == [
        f"not started: port {port} is taken; another one is chosen with {variable}=..."
    ]


def test_a_damaged_secret_is_told_in_one_line(run: EmbeddedRun) -> None:
    run.var.mkdir()
    (run.var / "secrets.env").write_text("JWT_SECRET_KEY=short\n")
    run.launch()
    assert run.wait() == 1
    assert "is damaged" in run.output()
    assert len(run.output().splitlines()) == 1
