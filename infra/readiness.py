"""Whether a process can do its work: the parts that it needs, what is wrong with each, and what to do about it."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from infra import logs, loops
from infra.redis import RedisError, client

log = logs.get(__name__)

PATIENCE_SECONDS = 3.0
Check = Callable[[], str]
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Part:
    """Something that a process needs. `check` returns what is wrong and what to do, or nothing when all is well."""

    def __init__(self, name: str, check: Check) -> None:
        self.name = name
        self._check = check
        self._running: threading.Thread | None = None
        self._found = ""

    def start(self) -> threading.Thread:
        """Begin to check. One check that hangs stays the only one."""
        if self._running is None or not self._running.is_alive():
            self._running = threading.Thread(target=self._run, name=f"ready: {self.name}", daemon=True)
            self._running.start()
        return self._running

    def fault(self) -> str:
        """Returns what the check has found, or that it has no answer yet."""
        if self._running and self._running.is_alive():
            return f"{self.name}: has not answered for {PATIENCE_SECONDS:.0f} s"
        return f"{self.name}: {self._found}" if self._found else ""

    def _run(self) -> None:
        try:
            self._found = self._check()
        except Exception as error:
            log.warning("not_checked", part=self.name, exc_info=error)
            self._found = f"could not be checked ({type(error).__name__}); see the log"


def faults(parts: Sequence[Part]) -> list[str]:
    """Returns a line for each part that does not work, within PATIENCE_SECONDS however long a check takes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for check in [part.start() for part in parts]:
        check.join(max(0.0, deadline - time.monotonic()))
    return [fault for part in parts if (fault := part.fault())]


def application(parts: Sequence[Part]) -> WsgiApp:
    """Returns what answers /healthz and /readyz where there is no other door: "ready", or a line for each fault."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = faults(parts) if environ["PATH_INFO"] == "/readyz" else []
        start_response(
            "503 Service Unavailable" if found else "200 OK", [("Content-Type", "text/plain; charset=utf-8")]
        )
        return ["".join(f"{line}\n" for line in found or ["ready"]).encode()]

    return app


def loops_turn() -> str:
    """Returns which background loops of this process stand still, and what to do."""
    still = loops.stalled()
    return f"{', '.join(still)} stands still; restart the process" if still else ""


def redis_answers() -> str:
    """Returns what is wrong with Redis, and what to do."""
    try:
        client().ping()
    except RedisError:
        return "does not answer; see that it runs, and that REDIS_URL is right"
    return ""
