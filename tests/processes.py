"""Programs that tests start: each in a process group of its own, on a free port, with a log file, and never left over.

Each program carries the mark of this test run in its environment. The guard, a process that reads a pipe from this one,
kills every process with the mark when this process is gone, however it ended.
"""

import functools
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
RUN = ("IM_TEST_RUN", uuid.uuid4().hex)
# Seconds. Generous, because only a test that fails waits them out.
PATIENCE = 60.0

os.environ.update([RUN])


def free_port() -> int:
    """Returns a port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], object], what: str, *, seconds: float = PATIENCE) -> None:
    """Wait until a condition holds. Fails with `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.02)


def living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Returns the processes that have not ended. A zombie has ended."""
    return [process for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@functools.cache
def _guard() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.guard", "=".join(RUN)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


class Process:
    """A program and every process that it forks. A command in one string is run by the shell."""

    def __init__(self, name: str, command: str | list[str], *, log: Path, env: dict[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._env = env or {}
        self._log_start = 0
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Returns the id of the program itself, which leads the group."""
        assert self._popen, f"{self.name} was never started"
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Returns whether the program runs."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Returns the exit code of the program, None while it runs."""
        assert self._popen, f"{self.name} was never started"
        return self._popen.poll()

    def ready(self) -> bool:
        """Returns whether the program does its work. Subclasses override it."""
        return True

    def start(self) -> None:
        """Start or restart the program, and wait until it is ready."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start or restart the program without waiting for it."""
        assert not self.running, f"{self.name} runs already"
        _guard()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                shell=isinstance(self._command, str),
                cwd=ROOT,
                env=os.environ | self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until the program is ready. Fails with its log when it ends instead."""
        try:
            wait_until(lambda: not self.running or self.ready(), f"{self.name} to be ready")
            assert self.running, f"{self.name} ended"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from error

    def kill(self) -> None:
        """Send SIGKILL to the whole group, and wait until each of its processes has ended, and with it its sockets."""
        family = self._family()
        self._end(signal.SIGKILL)
        wait_until(lambda: not living(family), f"{self.name} to end")

    def terminate(self) -> None:
        """Send SIGTERM to the whole group, as process managers do, and wait until the program has ended."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop the whole group: it keeps its sockets, and answers nothing."""
        os.killpg(self.pid, signal.SIGSTOP)
        family = self._family()
        wait_until(lambda: all(each.status() == psutil.STATUS_STOPPED for each in living(family)), "all to stop")

    def thaw(self) -> None:
        """Let a frozen group run on."""
        os.killpg(self.pid, signal.SIGCONT)

    def output(self) -> str:
        """Returns what the program has logged since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 40) -> str:
        """Returns the last lines of the program's log, over all its starts."""
        found = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(found[-lines:])

    def _family(self) -> list[psutil.Process]:
        if not self.running:
            return []
        program = psutil.Process(self.pid)
        return [program, *program.children(recursive=True)]

    def _end(self, number: signal.Signals) -> None:
        if self.running:
            os.killpg(self.pid, number)
        if self._popen:
            self._popen.wait(PATIENCE)
