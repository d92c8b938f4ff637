"""Starts the embedded default as `make run` does, in a directory of its own."""

import signal
import sys
from pathlib import Path

import psutil
import requests

from tests import untold
from tests.processes import PATIENCE, Process, free_port


class EmbeddedRun(Process):
    """An embedded run, ready when its one port answers and a worker works. A second start finds what the first left."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.var = directory / "var"
        self.port, self.redis_port, self.rpc_port = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        places = {
            "PORT": self.port,
            "EMBEDDED_REDIS_PORT": self.redis_port,
            "EMBEDDED_RPC_PORT": self.rpc_port,
            "EMBEDDED_VAR": self.var,
            "METRICS_BIND": "off",  # its processes would share one address
        }
        env = {name: str(value) for name, value in places.items()} | environment
        untold.watch(directory / "embedded.log")
        super().__init__("embedded", [sys.executable, "-m", "embedded"], log=directory / "embedded.log", env=env)

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok and " ready." in self.output()
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """Send Ctrl-C to the whole group, as a terminal does to its foreground group."""
        self._end(signal.SIGINT)

    def descendants(self) -> list[psutil.Process]:
        """Returns every living process that this run has started."""
        return psutil.Process(self.pid).children(recursive=True)

    def wait(self) -> int:
        """Wait until the run ends by itself. Returns its exit code."""
        assert self._popen
        return self._popen.wait(PATIENCE)
