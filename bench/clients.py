"""Starts the processes that make load, and reads their answers."""

import json
import select
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from tests.processes import ROOT

_PATIENCE = 200  # seconds; connecting gives up before

_running: set["subprocess.Popen[bytes]"] = set()


def call(module: str, **orders: Any) -> dict[str, Any]:
    """Run a module of the benchmark once. Returns its answer, a JSON object. Raises RuntimeError without one."""
    with Client(module) as client:
        client.say(json.dumps(orders), end=True)
        return client.hear()


def address(url: str) -> dict[str, Any]:
    """Returns the host and port of a URL, as orders name them."""
    parts = urlsplit(url)
    return {"host": parts.hostname, "port": parts.port}


def kill_all() -> None:
    """Kill all processes that were started here."""
    for process in list(_running):
        process.kill()


class Client:
    """A module of the benchmark as a process that takes and answers lines. Leaving the context kills it."""

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
        """Write one line to the process. `end` says that it is the last, and closes its standard input."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        if end:
            self._process.stdin.close()
            self._process.stdin = None

    def hear(self) -> dict[str, Any]:
        """Wait for the next line of the process. Returns its JSON object. Raises RuntimeError when there is none."""
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], _PATIENCE)[0]:
            raise RuntimeError(f"{self._module} did not answer for {_PATIENCE} s")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._module} ended without an answer (exit status {self._process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, line: str) -> dict[str, Any]:
        """Write a line and return the answer to it."""
        self.say(line)
        return self.hear()


class Devices(Client):
    """A process with connected devices at one relay, one for each of `count` users from the id `first` on.

    With `every`, one in so many of these users has a device.
    """

    def __init__(self, url: str, first: int, count: int, **orders: Any) -> None:
        super().__init__("bench.sockets")
        self._count = len(range(0, count, orders.get("every", 1)))
        self.say(json.dumps(address(url) | {"first": first, "count": count} | orders))

    def wait_online(self) -> dict[str, Any]:
        """Wait until all are online. Returns the report of connecting. Raises RuntimeError when some cannot connect."""
        told = self.hear()
        if told["online"] != self._count:
            raise RuntimeError(f"of {self._count} sockets only {told['online']} came online, {told['lost']} were lost")
        return told

    def reset(self) -> None:
        """Set all counts to zero."""
        self.ask("reset")

    def report(self) -> dict[str, Any]:
        """Returns the counts since the last reset."""
        return self.ask("report")

    def times(self) -> dict[int, int]:
        """Returns by message when its frame was read since the last reset. A message is known by when it was sent."""
        return dict(self.ask("times")["times"])

    def send(self, **orders: Any) -> dict[str, Any]:
        """Have the devices send messages by these orders: first, count, seconds, at_once, and optionally senders.

        Returns the report, like that of bench.load. Raises RuntimeError when some were refused or never answered.
        """
        told = self.ask(f"send {json.dumps(orders)}")
        if told["refused"] or told["unanswered"] or not told["answered"]:
            without = f"{told['unanswered']} not at all, these refused: {told['refused']}"
            raise RuntimeError(f"{told['answered']} frames were answered, {without}")
        return told
