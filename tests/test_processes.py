"""Tests that the processes which tests start end with the tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.processes import ROOT, Process, living, wait_until
from tests.servers import RedisServer

_STARTER = """
import sys, threading
from pathlib import Path
from tests.processes import Process
process = Process("sleeper", "sleep 1000 & sleep 1000", log=Path(sys.argv[1]))
process.start()
print(process.pid, flush=True)
threading.Event().wait()
"""


def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _STARTER, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout
        shell = psutil.Process(int(starter.stdout.readline()))
        wait_until(lambda: len(shell.children()) == 2, "both sleepers to sleep")
        family = [shell, *shell.children()]
        starter.kill()
    wait_until(lambda: not living(family), "the guard to end them")


def test_kill_reaches_the_whole_group(tmp_path: Path) -> None:
    process = Process("sleepers", "sleep 1000 & sleep 1000", log=tmp_path / "log")
    process.start()
    shell = psutil.Process(process.pid)
    wait_until(lambda: len(shell.children()) == 2, "both sleepers to sleep")
    sleepers = shell.children()
    process.kill()
    wait_until(lambda: not living(sleepers), "the sleepers to end")


def test_a_redis_keeps_its_port_and_nothing_else(own_redis: RedisServer) -> None:
    first = own_redis.pid
    own_redis.stop()
    own_redis.start()
    assert own_redis.ready()
    own_redis.freeze()
    assert not own_redis.ready()
    own_redis.thaw()
    wait_until(own_redis.ready, "Redis to go on")
    os.kill(own_redis.pid, signal.SIGKILL)
    wait_until(lambda: not own_redis.running, "Redis to end")
    own_redis.start()
    assert own_redis.pid != first
