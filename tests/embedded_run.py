"""The embedded default, started as `make run` starts it, in a directory of its own."""

import signal
import sys
from pathlib import Path

import psutil
import requests

from tests.processes import PATIENCE, Process, free_port


class EmbeddedRun(Process):
    """Ready when its one port answers and a worker works. A second start finds what the first left."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.var = directory / "var"
        self.port, self.redis_port, self.rpc_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        places = {
            "PORT": self.port,
            "EMBEDDED_REDIS_PORT": self.redis_port,
            "EMBEDDED_RPC_PORT": self.rpc_port,
            "EMBEDDED_VAR": self.var,
        }
        env = {name: str(value) for name, value in places.items()} | environment
        super().__init__("embedded", [sys.executable, "-m", "embedded"], log=directory / "embedded.log", env=env)

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok and " ready." in self.output()
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Ctrl-C: the terminal sends it to the whole foreground group."""
        self._end(signal.SIGINT)

    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started and that lives."""
        return psutil.Process(self.pid).children(recursive=True)

    def wait(self) -> int:
        """Its exit code, when it has ended by itself."""
        assert self._popen
        return self._popen.wait(PATIENCE)
