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
        self._turn = threading.Lock()
        self._latest: _Checking | None = None

    def start(self) -> "_Checking":
        """Returns the check that is under way, or a new one. So one that hangs stays the only one."""
        with self._turn:
            if self._latest is None or not self._latest.is_alive():
                self._latest = _Checking(self.name, self._check)
                self._latest.start()
            return self._latest


class _Checking(threading.Thread):
    """One check of a part. Whoever waits for it reads its own `fault`: another may have begun since."""

    def __init__(self, part: str, check: Check) -> None:
        super().__init__(name=f"ready: {part}", daemon=True)
        self.fault = f"{part}: has not answered for {PATIENCE_SECONDS:.0f} s"
        self._part = part
        self._check = check

    def run(self) -> None:
        """Find out what is wrong."""
        try:
            found = self._check()
        except Exception as error:
            log.warning("not_checked", part=self._part, exc_info=error)
            found = f"could not be checked ({type(error).__name__}); see the log"
        self.fault = f"{self._part}: {found}" if found else ""


def faults(parts: Sequence[Part]) -> list[str]:
    """Returns a line for each part that does not work, within PATIENCE_SECONDS however long a check takes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    checks = [part.start() for part in parts]
    for check in checks:
        check.join(max(0.0, deadline - time.monotonic()))
    return [fault for check in checks if (fault := check.fault)]


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
