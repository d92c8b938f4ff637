"""The processes of a checkout, one of each kind, idle: of this one, or of an older release to compare it with."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.announcing import Announcing
from bench.family import family
from tests import databases
from tests.processes import Process
from tests.servers import RedisServer
from tests.stack import Door, RpcDoor, commands

_KINDS = {"web": Door, "realtime": Door, "rpc": RpcDoor}
_SETTLE = 3.0  # seconds; what starts late has started by then
_MIGRATE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Memory:
    """MB by kind of process: resident pages, and with each shared page divided among those that share it (PSS)."""

    resident: dict[str, float]
    proportional: dict[str, float]


class Release:
    """A checkout, with the programs of its own .venv when it has one, a database of its own, and a Redis of its own."""

    def __init__(self, checkout: Path, database_url: str, directory: Path) -> None:
        """Take an empty database, and a directory for logs. Raises OSError when the checkout has no Procfile."""
        self._checkout = checkout.resolve()
        self._directory = directory
        self._redis = RedisServer(directory)
        own = self._checkout / ".venv" / "bin"
        programs = own if own.is_dir() else Path(sys.executable).parent
        self._environment = databases.environment(database_url, self._redis.url) | {
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
            "WEB_CONCURRENCY": "1",
        }
        self._commands = commands(str(self._checkout / "Procfile"))
        self._started: list[Process] = []

    def migrate(self) -> None:
        """Migrate the database to this checkout's schema. Raises RuntimeError when that fails."""
        environment = os.environ | self._environment
        done = subprocess.run(
            ["alembic", "upgrade", "head"],
            cwd=self._checkout,
            env=environment,
            capture_output=True,
            timeout=_MIGRATE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self._checkout} cannot migrate: {done.stderr.decode()[-200:]}")

    def idle(self) -> Memory:
        """Start one process of each kind. Returns their memory once they are idle, and ends them."""
        try:
            self._redis.start()
            self._start()
            time.sleep(_SETTLE)
            found = [(process.name, each.memory_full_info()) for process in self._started for each in family(process)]
        finally:
            self.kill()
        names = dict.fromkeys(name for name, _ in found)
        return Memory(
            {name: sum(each.rss for its, each in found if its == name) / 1e6 for name in names},
            {name: sum(each.pss for its, each in found if its == name) / 1e6 for name in names},
        )

    def kill(self) -> None:
        """Kill all processes that run."""
        for process in (*self._started, self._redis):
            process.kill()
        self._started.clear()

    def _start(self) -> None:
        for name, command in self._commands.items():
            log = self._directory / f"{name}.log"
            there = f"cd '{self._checkout}' && exec {command}"
            env = self._environment | {"HONCHO_PROCESS_NAME": f"{name}.1"}
            process = _KINDS.get(name, Announcing)(name, there, log=log, env=env)
            self._started.append(process)
            process.launch()
        for process in self._started:
            process.wait_ready()
