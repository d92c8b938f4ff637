"""Tests that the commands of the Procfiles run, and that the servers' settings take effect."""

import subprocess
from pathlib import Path

import psutil
import pytest

import wsgi
from tests import databases
from tests.processes import ROOT
from tests.stack import Stack, commands, with_programs


def test_every_process_of_the_procfile_runs(stack: Stack) -> None:
    assert {process.name.rpartition(".")[0] for process in stack.processes} == set(commands())
    assert all(process.running for process in stack.processes)


def test_nothing_listens_beyond_loopback(stack: Stack) -> None:
    for process in stack.processes:
        program = psutil.Process(process.pid)
        for member in (program, *program.children(recursive=True)):
            listening = [link for link in member.net_connections() if link.status == psutil.CONN_LISTEN]
            assert {link.laddr.ip for link in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}, process.name


@pytest.mark.parametrize(("name", "address"), [("web", "127.0.0.1:8080"), ("realtime", "127.0.0.1:8090")])
def test_gunicorn_settings(name: str, address: str, tmp_path: Path) -> None:
    command = commands()[name].replace("gunicorn", "gunicorn --print-config", 1)
    shown = subprocess.run(
        command, shell=True, cwd=ROOT, env=with_programs({"HOME": str(tmp_path)}), capture_output=True, text=True
    )
    found = dict(line.split("=", 1) for line in shown.stdout.replace(" ", "").splitlines() if "=" in line)
    assert address in found["bind"], shown.stderr
    assert found["worker_class"] == "gevent"
    assert found["control_socket_disable"] == "True"
    assert int(found["graceful_timeout"]) < 5


def test_a_wrong_setting_ends_a_server_and_is_told_in_a_line(tmp_path: Path) -> None:
    wrong = databases.environment("postgres://im@127.0.0.1/im") | {"HOME": str(tmp_path), "BIND": "127.0.0.1:0"}
    done = subprocess.run(
        commands()["web"], shell=True, cwd=ROOT, env=with_programs(wrong), capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if line.startswith("not started: DATABASE_URL")]
    assert "Traceback" not in done.stderr


def test_wsgi_names() -> None:
    with pytest.raises(AttributeError):
        wsgi.nobody  # noqa: B018
