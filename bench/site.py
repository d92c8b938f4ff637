"""What a run measures: servers on a disk, the processes of the Procfile, and the baselines beside them."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from bench import clients, disk, people
from bench.bulk import Bulk
from infra.redis import client
from tests import databases
from tests.processes import ROOT, Process, wait_until
from tests.servers import MariaDB, RedisServer
from tests.stack import Door, Speaking, Stack, commands, with_programs

CLIENTS = 64
PEOPLE = {"first": 1, "count": 1_000}
_QUEUES = ("outbox", "delivered", "backlog", "presence", "upkeep")
_SETTLE = 0.5
_WEB = {"WEB_CONCURRENCY": "2"}


class _MariaDB(MariaDB):
    """Durable as ever; with room for a million messages, which is what a server of that size would have."""

    def _server_command(self, directory: Path) -> list[str]:
        return [
            *super()._server_command(directory),
            f"--tmpdir={directory}",  # a server that starts removes the temporary tables of all who share its tmpdir
            "--innodb-buffer-pool-size=1G",
            "--innodb-log-file-size=512M",
        ]


class Site:
    """Everything that a run has started; `stop` ends all of it by its pids, and removes its data."""

    def __init__(self, seconds: float, **environment: str) -> None:
        self.seconds = seconds
        self._environment = environment  # added to that of every process of the stack, and of the doors beside it
        self.directory = _directory()
        self.memory_idle: dict[str, float] = {}
        self.most_sends: float | None = None  # a second, once a row has measured it
        self._processes: list[Process] = []
        self._mariadb = _MariaDB(self.directory)
        self._redis = RedisServer(self.directory)

    def start(self) -> "Site":
        """Servers, schema, users, processes."""
        for server in (self._mariadb, self._redis):
            self._processes.append(server)
            server.start()
        self.url = self.new_database()
        environment = databases.environment(self.url, self._redis.url)
        os.environ.update(environment)  # this process puts tasks into the queue
        self.bulk.users(**PEOPLE)
        self.bulk.friends(people.friends(**PEOPLE))
        self.stack = Stack(self.url, self._redis.url, self.directory, **_WEB, **self._environment)
        self.stack.start()
        self.memory_idle = self.memory()
        return self

    def stop(self) -> None:
        """End every process, then remove the data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """End every process, at once."""
        clients.kill_all()
        if hasattr(self, "stack"):
            self.stack.stop()
        for process in reversed(self._processes):
            process.kill()

    @property
    def redis_url(self) -> str:
        return self._redis.url

    @cached_property
    def bulk(self) -> Bulk:
        return Bulk(self.url)

    @property
    def worker(self) -> Process:
        return self.stack.named("worker")[0]

    def new_database(self) -> str:
        """The URL of another database on the same server, migrated."""
        url = self._mariadb.create_database()
        databases.migrate(url)
        return url

    @contextmanager
    def door(self, name: str, wsgi: str = "wsgi:web", **environment: str) -> Iterator[Door]:
        """A gunicorn of two processes with the repository's settings, for as long as it is needed."""
        door = Door(name, f"exec gunicorn {wsgi}", log=self._log(name), env=self._env(_WEB | environment))
        yield from self._while_needed(door)

    @contextmanager
    def other_worker(self, application: str, queue: str) -> Iterator[Process]:
        """A worker by the Procfile's command with another application, which takes from one queue alone."""
        command = commands()["worker"].replace("workers.app", application) + f" -Q {queue}"
        env = self._env({"HONCHO_PROCESS_NAME": queue})
        yield from self._while_needed(Speaking(queue, f"exec {command}", log=self._log(queue), env=env))

    def load(self, kind: str, url: str, **orders: Any) -> dict[str, Any]:
        """Have the load generator send requests; what it tells. Raises RuntimeError when some were refused."""
        given = PEOPLE | {"clients": CLIENTS, "seconds": self.seconds} | orders
        told = clients.call("bench.load", kind=kind, **clients.address(url), **given)
        if told["refused"] or not told["answered"]:
            raise RuntimeError(f"{told['answered']} requests were answered, these refused: {told['refused']}")
        return told

    def publish(self, **orders: Any) -> dict[str, Any]:
        """Have notes published; what the publisher tells."""
        return clients.call("bench.publish", redis=self.redis_url, **orders)

    def wait_drained(self) -> int:
        """Wait until the outbox is empty; when that was, in monotonic nanoseconds."""
        wait_until(self.bulk.outbox_empty, "the outbox to be empty", seconds=120)
        return time.monotonic_ns()

    def wait_quiet(self) -> None:
        """Wait until workers have nothing to do: after thousands connect, their friends are still to be told."""
        self.wait_drained()
        wait_until(lambda: not client().exists(*_QUEUES), "the workers' queues to be empty", seconds=120)
        time.sleep(_SETTLE)

    def memory(self) -> dict[str, float]:
        """MB of each process of the stack by its kind, masters and children together, shared pages counted in each."""
        found: dict[str, float] = {}
        for process in self.stack.processes:
            kind = process.name.rpartition(".")[0]
            found[kind] = found.get(kind, 0) + sum(rss(each) for each in family(process)) / 1e6
        return found

    def _while_needed(self, process: Any) -> Iterator[Any]:
        self._processes.append(process)
        try:
            process.start()
            yield process
        finally:
            process.kill()
            self._processes.remove(process)

    def _env(self, added: dict[str, str]) -> dict[str, str]:
        environment = databases.environment(self.url, self.redis_url) | {"PYTHONUNBUFFERED": "1"}
        return with_programs(environment | self._environment | added)

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"


def family(process: Process) -> list[psutil.Process]:
    """A program and what it forked."""
    program = psutil.Process(process.pid)
    return [program, *program.children(recursive=True)]


def rss(process: psutil.Process) -> float:
    return float(process.memory_info().rss)


def only_child(process: Process) -> psutil.Process:
    """The one process behind a gunicorn's master."""
    (child,) = psutil.Process(process.pid).children()
    return child


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _directory() -> Path:
    parent = Path(os.environ.get("BENCH_DIR") or ROOT / "var")
    parent.mkdir(parents=True, exist_ok=True)
    disk.require(parent)
    return Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
