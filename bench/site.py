"""The site of a run: servers on a disk, the processes of the Procfile, and the baselines beside them."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import psutil

from bench import clients, disk, people
from bench.announcing import Announcing
from bench.bulk import Bulk
from bench.family import family
from bench.profile import Recording
from infra.redis import client
from tests import databases
from tests.processes import ROOT, Process, wait_until
from tests.servers import MariaDB, RedisServer
from tests.stack import Door, Stack, with_programs

CLIENTS = 64
PEOPLE = {"first": 1, "count": 1_000}
_QUEUES = ("outbox", "delivered", "backlog", "presence", "upkeep")
_SETTLE = 0.5
_SCHEDULED = 2  # CPUCLOCK_SCHED
_WEB = {"WEB_CONCURRENCY": "2"}


class Killable(Protocol):
    """What a site has started and ends."""

    def kill(self) -> None:
        """End it."""


class _MariaDB(MariaDB):
    """A MariaDB as durable as that of the tests, with the memory that a server of a million messages would have."""

    def _server_command(self, directory: Path) -> list[str]:
        return [
            *super()._server_command(directory),
            f"--tmpdir={directory}",  # a server that starts removes the temporary tables of all that share its tmpdir
            "--innodb-buffer-pool-size=1G",
            "--innodb-log-file-size=512M",
        ]


class Site:
    """All that a run has started; `stop` ends the processes by their ids, and removes the data."""

    def __init__(self, seconds: float, *, before: Path | None = None, **environment: str) -> None:
        self.seconds = seconds
        self.before = before  # the checkout of an older release, to compare with
        self._environment = environment  # added for every process of the stack, and the doors beside it
        self.directory = _directory()
        self.most_sends: float | None = None  # a second, once a row has measured it
        self.recording: Recording | None = None  # of the row that is measured, when its profile is wanted
        self.started: list[Killable] = []  # beside the stack
        self._mariadb = _MariaDB(self.directory)
        self._redis = RedisServer(self.directory)

    def start(self) -> "Site":
        """Start the servers, migrate the schema, add the users, and start the processes."""
        for server in (self._mariadb, self._redis):
            self.started.append(server)
            server.start()
        self.url = self.new_database()
        environment = databases.environment(self.url, self._redis.url)
        os.environ.update(environment)  # this process puts tasks into the queue
        self.bulk.users(**PEOPLE)
        self.bulk.friends(people.friends(**PEOPLE))
        self.stack = Stack(self.url, self._redis.url, self.directory, **_WEB, **self._environment)
        self.stack.start()
        return self

    def stop(self) -> None:
        """End every process, then remove the data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        """Kill every process."""
        clients.kill_all()
        if hasattr(self, "stack"):
            self.stack.stop()
        for each in reversed(self.started):
            each.kill()

    @property
    def redis_url(self) -> str:
        """The URL of the run's Redis."""
        return self._redis.url

    @cached_property
    def bulk(self) -> Bulk:
        """The means to fill the stack's database."""
        return Bulk(self.url)

    @property
    def worker(self) -> Process:
        """The worker of the stack."""
        return self.stack.named("worker")[0]

    def new_database(self) -> str:
        """Create another database on the same server, and migrate it. Returns its URL."""
        url = self.empty_database()
        databases.migrate(url)
        return url

    def empty_database(self) -> str:
        """Create another database on the same server, without tables. Returns its URL."""
        return self._mariadb.create_database()

    @contextmanager
    def door(self, name: str, wsgi: str = "wsgi:web", **environment: str) -> Iterator[Door]:
        """Run a gunicorn with the repository's settings, of two processes unless told otherwise, while it is needed."""
        door = Door(name, f"exec gunicorn {wsgi}", log=self._log(name), env=self._env(_WEB | environment))
        yield from self._while_needed(door)

    @contextmanager
    def other_worker(self, application: str, queue: str) -> Iterator[Process]:
        """Run a worker with another application, otherwise as ours runs, that takes from one queue alone."""
        command = f"celery -A {application} worker --without-mingle --without-gossip --hostname {queue}@%h -Q {queue}"
        env = self._env({"HONCHO_PROCESS_NAME": queue})
        yield from self._while_needed(Announcing(queue, f"exec {command}", log=self._log(queue), env=env))

    def load(self, kind: str, url: str, **orders: Any) -> dict[str, Any]:
        """Have the load generator send requests. Returns its report. Raises RuntimeError when some were refused."""
        given = PEOPLE | {"clients": CLIENTS, "seconds": self.seconds} | orders
        told = clients.call("bench.load", kind=kind, **clients.address(url), **given)
        if told["refused"] or not told["answered"]:
            raise RuntimeError(f"{told['answered']} requests were answered, these refused: {told['refused']}")
        return told

    def warm(self, url: str) -> None:
        """Send for a second at most: the first requests of a process open its connections and fill its caches."""
        self.load("send", url, seconds=min(1.0, self.seconds))
        self.wait_drained()

    def publish(self, **orders: Any) -> dict[str, Any]:
        """Have bench/publish.py publish notes. Returns its report."""
        return clients.call("bench.publish", redis=self.redis_url, **orders)

    def wait_drained(self) -> int:
        """Wait until the outbox is empty. Returns when that was, in monotonic nanoseconds."""
        self.bulk.wait_worked_off()
        return time.monotonic_ns()

    def wait_quiet(self) -> None:
        """Wait until the workers are idle: after thousands connect, they still publish presence to the friends."""
        self.wait_drained()
        wait_until(lambda: not client().exists(*_QUEUES), "the workers' queues to be empty", seconds=120)
        time.sleep(_SETTLE)

    def prepared(self) -> None:
        """Called by a row between its preparation and its rounds: a profile of it begins here."""
        if self.recording:
            self.recording.restart()

    def cpu(self) -> dict[str, float]:
        """Returns the seconds of CPU that the stack and its servers have used, by kind of process."""
        found = {"mariadb": family_cpu(self._mariadb), "redis": family_cpu(self._redis)}
        for process in self.stack.processes:
            kind = kind_of(process)
            if kind == "worker":  # Celery's main process, which only hands tasks on
                found["celery main"] = found.get("celery main", 0) + cpu_seconds(psutil.Process(process.pid))
                found[kind] = found.get(kind, 0) + sum(cpu_seconds(each) for each in family(process)[1:])
            else:
                found[kind] = found.get(kind, 0) + family_cpu(process)
        return found

    def memory(self) -> dict[str, float]:
        """Returns the MB of the stack by kind of process: masters and children together, shared pages in each."""
        found: dict[str, float] = {}
        for process in self.stack.processes:
            kind = kind_of(process)
            found[kind] = found.get(kind, 0) + sum(rss(each) for each in family(process)) / 1e6
        return found

    def _while_needed(self, process: Any) -> Iterator[Any]:
        self.started.append(process)
        try:
            process.start()
            yield process
        finally:
            process.kill()
            self.started.remove(process)

    def _env(self, added: dict[str, str]) -> dict[str, str]:
        environment = databases.environment(self.url, self.redis_url) | {"PYTHONUNBUFFERED": "1"}
        return with_programs(environment | self._environment | added)

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"


def kind_of(process: Process) -> str:
    """Returns the name that the Procfile has for a process of a stack."""
    return process.name.rpartition(".")[0]


def rss(process: psutil.Process) -> float:
    """Returns the resident memory of a process, in bytes."""
    return float(process.memory_info().rss)


def only_child(process: Process) -> psutil.Process:
    """Returns the one process behind a gunicorn's master. Raises ValueError when there is not exactly one."""
    (child,) = psutil.Process(process.pid).children()
    return child


def cpu_seconds(process: psutil.Process) -> float:
    """Returns the CPU time that a process has used. /proc counts in ticks of 10 ms; this clock of Linux is exact."""
    return time.clock_gettime((~process.pid << 3) | _SCHEDULED)


def family_cpu(process: Process) -> float:
    """Returns the CPU time that a program and its descendants have used, in seconds."""
    return sum(cpu_seconds(each) for each in family(process))


def _directory() -> Path:
    parent = Path(os.environ.get("BENCH_DIR") or ROOT / "var")
    parent.mkdir(parents=True, exist_ok=True)
    disk.require(parent)
    return Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
