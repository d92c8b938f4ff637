"""Starts the real processes of the Procfile separately, as operators do."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import grpc
import requests
from grpc_health.v1 import health_pb2, health_pb2_grpc
from honcho.environ import parse_procfile
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from infra.tasks import Task
from tests import databases, untold
from tests.nginx import Nginx
from tests.processes import ROOT, Process, free_port

SERVICE_TOKEN = "a service token of the tests; known to everybody"  # commas separate tokens

_BEHIND_NGINX = os.environ.get("BEHIND_NGINX") == "1"


def commands(procfile: str = "Procfile") -> dict[str, str]:
    """Returns the command of each process that a Procfile of this repository names."""
    found: dict[str, str] = parse_procfile((ROOT / procfile).read_text()).processes
    return found


def with_programs(environment: dict[str, str]) -> dict[str, str]:
    """Returns the environment with this Python's programs first in PATH."""
    return environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"}


def _trust(certificate: Path) -> None:
    """Have requests and websocket-client trust one more certificate."""
    trusted = Path(os.environ.setdefault("WEBSOCKET_CLIENT_CA_BUNDLE", str(certificate.with_name("trusted.pem"))))
    os.environ["REQUESTS_CA_BUNDLE"] = str(trusted)
    with trusted.open("a") as bundle:
        bundle.write(certificate.read_text())


Sample = tuple[str, tuple[tuple[str, str], ...]]  # a metric's name and its labels, sorted


class Service(Process):
    """A process of the product, which serves its metrics and its readiness on a port that it keeps over restarts."""

    def __init__(self, name: str, command: str, *, log: Path, env: dict[str, str]) -> None:
        self.metrics_address = f"127.0.0.1:{free_port()}"
        untold.watch(log)
        super().__init__(name, command, log=log, env={"METRICS_BIND": self.metrics_address} | env)

    def metrics(self) -> dict[Sample, float]:
        """Returns every sample that the process serves now."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.families()
            for sample in family.samples
        }

    def families(self) -> list[Metric]:
        """Returns every metric that the process serves now, also those that have no sample yet."""
        found = requests.get(f"http://{self.metrics_address}/metrics", timeout=10)
        found.raise_for_status()
        return list(text_string_to_metric_families(found.text))

    def metric(self, name: str, /, **labels: str) -> float:
        """Returns the sum of the samples of this name that have these labels, 0 for none."""
        wanted = set(labels.items())
        return sum(value for (each, has), value in self.metrics().items() if each == name and wanted <= set(has))

    def readiness(self) -> tuple[bool, str]:
        """Returns whether the process says on its metrics port that it is ready, and its words."""
        try:
            found = requests.get(f"http://{self.metrics_address}/readyz", timeout=10)
        except requests.RequestException as error:
            return False, str(error)
        return found.ok, found.text


class Door(Service):
    """A gunicorn process, ready when its log says so. It keeps its port over restarts."""

    def __init__(self, name: str, command: str, *, log: Path, env: dict[str, str]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        super().__init__(name, command, log=log, env=env | {"BIND": self.address, "REALTIME_BIND": self.address})

    def ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


class RpcDoor(Service):
    """The gRPC door, ready when its health service says so. It keeps its port over restarts."""

    def __init__(self, name: str, command: str, *, log: Path, env: dict[str, str]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        tokens = {"RPC_SERVICE_TOKENS": f"tests:{SERVICE_TOKEN}"}
        super().__init__(name, command, log=log, env={"RPC_BIND": self.address} | tokens | env)

    def ready(self) -> bool:
        try:
            with grpc.insecure_channel(self.address, options=[("grpc.enable_http_proxy", 0)]) as channel:
                health = health_pb2_grpc.HealthStub(channel)
                answer = health.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


class Speaking(Service):
    """A process without a door, ready when it says so beside its metrics."""

    def ready(self) -> bool:
        return self.readiness()[0]


class Stack:
    """A deployment on a migrated database. `environment` is added to the settings of every process.

    With BEHIND_NGINX=1 its URLs are those of an nginx with TLS before the doors that `start` starts.
    """

    def __init__(self, database_url: str, redis_url: str, directory: Path, **environment: str) -> None:
        self.database_url = database_url
        self.redis_url = redis_url
        self.processes: list[Process] = []
        self._directory = directory
        self.media_settings = {"MEDIA_STORAGE": str(directory / "media")}
        settings = databases.environment(database_url, redis_url) | self.media_settings
        self._front: Nginx | None = None
        behind = {"TRUSTED_PROXIES": "1"} if _BEHIND_NGINX else {}
        self._environment = with_programs(settings | behind | environment)
        self._environment["PYTHONUNBUFFERED"] = "1"  # `ready` waits for banners
        self._numbers = itertools.count(1)

    @property
    def web_url(self) -> str:
        """Returns the URL of the first web process."""
        return self.urls("web")[0]

    @property
    def realtime_urls(self) -> list[str]:
        """Returns the URLs of all relays."""
        return self.urls("realtime")

    @property
    def rpc_address(self) -> str:
        """Returns the host and port of the first gRPC door."""
        return next(process.address for process in self.processes if isinstance(process, RpcDoor))

    def urls(self, name: str) -> list[str]:
        """Returns the URLs of all doors of a name."""
        return [self._front.url if self._front else process.url for process in self._doors(name)]

    def start(
        self,
        *,
        web: int = 1,
        realtime: int = 1,
        workers: int = 1,
        media: int = 0,
        beat: int = 1,
        rpc: int = 1,
        **environment: str,
    ) -> "Stack":
        """Start the given numbers of processes at once, and wait until all are ready."""
        counts = {"web": web, "realtime": realtime, "worker": workers, "media": media, "beat": beat, "rpc": rpc}
        new = [self.launch(name, **environment) for name, count in counts.items() for _ in range(count)]
        for process in new:
            process.wait_ready()
        if _BEHIND_NGINX and web and realtime and not self._front:
            self._front = self._behind_nginx()
        return self

    def add(self, name: str, **environment: str) -> Process:
        """Start one more process, by its name in the Procfile, and wait until it is ready."""
        process = self.launch(name, **environment)
        process.wait_ready()
        return process

    def add_door(self, name: str, wsgi: str) -> Door:
        """Start a gunicorn that serves another application, with the settings of this deployment."""
        env = self._environment | {"HONCHO_PROCESS_NAME": name}
        door = Door(name, f"exec gunicorn {wsgi}", log=self._directory / f"{name}.log", env=env)
        door.start()
        return door

    def named(self, name: str) -> list[Process]:
        """Returns all processes of a name, running or not."""
        return [process for process in self.processes if process.name.rpartition(".")[0] == name]

    def ask(self, task: Task, *arguments: int) -> None:
        """Put a task in its queue, as another process: Celery keeps its first broker for life."""
        code = f"from infra.tasks import Task, send; send(Task('{task}'), *{arguments})"
        env = os.environ | self._environment
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, timeout=60, check=True)

    def stop(self) -> None:
        """Kill all processes. Orderly stops have tests of their own."""
        if self._front:
            self._front.kill()
        for process in self.processes:
            process.kill()

    def tail(self) -> str:
        """Returns the last lines of every process's log."""
        return "\n".join(f"--- {process.name}\n{process.tail()}" for process in self.processes)

    def launch(self, name: str, **environment: str) -> Process:
        """Start one more process without waiting for it."""
        unique = f"{name}.{next(self._numbers)}"
        kind = {"web": Door, "realtime": Door, "rpc": RpcDoor}.get(name, Speaking)
        env = self._environment | {"HONCHO_PROCESS_NAME": unique} | environment
        process = kind(unique, f"exec {commands()[name]}", log=self._directory / f"{unique}.log", env=env)
        self.processes.append(process)
        process.launch()
        return process

    def _doors(self, name: str) -> list[Door]:
        return [process for process in self.named(name) if isinstance(process, Door)]

    def _behind_nginx(self) -> Nginx:
        directory = self._directory / "nginx"
        directory.mkdir()
        addresses = {name: [each.address for each in self._doors(name)] for name in ("web", "realtime")}
        front = Nginx(directory, **addresses)
        front.start()
        _trust(front.certificate)
        return front
