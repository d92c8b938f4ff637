"""What each process serves on METRICS_BIND: /metrics, /healthz and /readyz."""

import fcntl
import socket
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import IO, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from infra import logs, metric_files
from infra.fork_gate import no_fork
from infra.readiness import WsgiApp
from infra.settings import settings

log = logs.get(__name__)

PORTS = {"web": 9180, "worker": 9181, "media": 9182, "beat": 9183, "rpc": 9184, "realtime": 9190}
_AGAIN_SECONDS = 5.0
_MOST_AT_ONCE = 4
_ASKED_SECONDS = 1.0  # silence of a caller who has not asked yet: they hold a place that others wait for
_ANSWERED_SECONDS = 5.0  # for a caller to take the answer


def address(kind: str) -> tuple[str, int] | None:
    """Returns the host and port where a process of this kind serves its metrics, None for nowhere."""
    bind = settings().metrics_bind or f"127.0.0.1:{PORTS[kind]}"
    if bind == "off":
        return None
    host, _, port = bind.rpartition(":")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - as ":9180" asks for


def serve(kind: str, health: WsgiApp, *collectors: Collector) -> None:
    """Serve in a thread for as long as this process lives. `health` answers /healthz and /readyz.

    `collectors` are asked at each scrape, besides what is counted. Of processes that count together one serves, and
    another when that has ended. An address that is taken is logged and tried again: a process does not end for that.
    """
    at = address(kind)
    if at:
        app = _application(health, collectors)
        threading.Thread(target=_serve, args=(at, app), name="metrics", daemon=True).start()


def _application(health: WsgiApp, collectors: Iterable[Collector]) -> WsgiApp:
    registry = REGISTRY
    if metric_files.directory():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for each in collectors:
        registry.register(each)
    metrics = make_wsgi_app(registry)
    collecting = threading.Lock()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            with no_fork, collecting:
                metric_files.fold()
                return metrics(environ, start_response)  # type: ignore[no-any-return]
        if path == "/readyz":
            with no_fork:
                return health(environ, start_response)
        if path == "/healthz":  # waits for nothing: whoever ends what is not up must not end what waits for a database
            return health(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"there are /metrics, /healthz and /readyz\n"]

    return app


class _Handler(WSGIRequestHandler):
    timeout = _ASKED_SECONDS

    def parse_request(self) -> bool:
        """Read the headers, after the first line. Returns whether they are good."""
        good = super().parse_request()
        self.connection.settimeout(_ANSWERED_SECONDS)
        return good

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a scrape is no event."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *args: Any, **options: Any) -> None:
        self._places = threading.BoundedSemaphore(_MOST_AT_ONCE)
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, once one of _MOST_AT_ONCE places is free."""
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except Exception:  # no thread was to be had
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and free the place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its base class gives it
        """Log an answer that failed, as when a caller hangs up, without the traceback that the base class prints."""
        log.info("metrics_not_answered", exc_info=True)


class _ServerOfIPv6(_Server):
    address_family = socket.AF_INET6


def _serve(at: tuple[str, int], app: WsgiApp) -> None:
    _wait_for_turn()
    told = False
    while True:
        try:
            with make_server(*at, app, _ServerOfIPv6 if ":" in at[0] else _Server, _Handler) as server:
                server.serve_forever()
        except OSError as error:
            if not told:
                log.warning("metrics_not_served", address=f"{at[0]}:{at[1]}", reason=str(error))
            told = True
        except Exception:
            log.exception("metrics_stumbled")
        time.sleep(_AGAIN_SECONDS)


def _wait_for_turn() -> None:
    """Return when no other of the processes that count together serves. The kernel ends a turn with its process."""
    directory = metric_files.directory()
    if directory is None:
        return
    file = (directory / "server").open("w")
    _turns.append(file)
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(1)
        else:
            return


_turns: list[IO[str]] = []  # a file that is collected is closed, and unlocked
