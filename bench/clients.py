"""Starts the processes that make load, and reads what they tell."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from tests.processes import ROOT

_running: set["subprocess.Popen[bytes]"] = set()


def call(module: str, **orders: Any) -> dict[str, Any]:
    """Run a module of the bench once; what it prints."""
    with Client(module) as client:
        client.say(json.dumps(orders), end=True)
        return client.hear()


def address(url: str) -> dict[str, Any]:
    """Host and port, as orders name them."""
    parts = urlsplit(url)
    return {"host": parts.hostname, "port": parts.port}


def kill_all() -> None:
    """The time is up."""
    for process in list(_running):
        process.kill()


class Client:
    """A module of the bench as a process that is spoken with in lines. It ends when it is left."""

    def __init__(self, module: str) -> None:
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._module = module
        _running.add(self._process)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        _running.discard(self._process)

    def say(self, line: str, *, end: bool = False) -> None:
        """Say one line; `end`: there will be no other."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        if end:
            self._process.stdin.close()
            self._process.stdin = None

    def hear(self) -> dict[str, Any]:
        """Wait for its next line."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended without an answer (exit status {self._process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: str) -> dict[str, Any]:
        """Say a line and wait for the answer."""
        self.say(line)
        return self.hear()


class Devices(Client):
    """Connected devices of users `first` … at one relay."""

    def __init__(self, url: str, first: int, count: int, **orders: Any) -> None:
        super().__init__("bench.sockets")
        self._count = count
        self.say(json.dumps(address(url) | {"first": first, "count": count} | orders))

    def wait_online(self) -> dict[str, Any]:
        """Wait until all are; what it took. Raises RuntimeError when some cannot connect."""
        told = self.hear()
        if told["online"] != self._count:
            raise RuntimeError(f"of {self._count} sockets only {told['online']} came online, {told['lost']} were lost")
        return told

    def reset(self) -> None:
        """Forget what was counted."""
        self.ask("reset")

    def report(self) -> dict[str, Any]:
        """What was counted since."""
        return self.ask("report")
