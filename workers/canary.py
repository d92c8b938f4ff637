"""Beat's watch over the way from a send to a socket: a round of the canary every 10 s, in a thread."""

import threading
import time
from collections.abc import Callable

from actions import canary
from actions.canary import Failed
from infra import logs, loops
from infra.metrics import canary_failures, canary_seconds

log = logs.get(__name__)

RED_AFTER = 3  # failures in a row
_PAUSE_SECONDS = 10.0
_SOONER_SECONDS = 5.0  # after a failure
_DO = {
    "connect": "look at /readyz of realtime, and at CANARY_REALTIME_URL and CANARY_USERS",
    "send": "look at /readyz of web, and at CANARY_WEB_URL; the users of CANARY_USERS have to be friends",
    "receive": "look at /readyz of realtime and of the workers, and at Redis",
    "read": "look at /readyz of web",
}


class Watch:
    """Flies rounds, counts them, and knows what is wrong. `fly` returns the seconds of each step or raises Failed."""

    def __init__(self, fly: Callable[[], dict[str, float]]) -> None:
        self._fly = fly
        self._failed = 0
        self._last: Failed | None = None

    def round(self) -> float:
        """Fly one round. Returns the seconds to wait until the next."""
        try:
            seconds = self._fly()
        except Failed as failed:
            self._last = failed
            self._failed += 1
            canary_failures.inc()
            log.warning("canary_failed", step=failed.step, reason=failed.reason, in_a_row=self._failed)
            return _SOONER_SECONDS
        self._failed = 0
        canary_seconds.observe(seconds["send"] + seconds["receive"])
        return _PAUSE_SECONDS

    def fault(self) -> str:
        """Returns what is wrong after RED_AFTER failures in a row, and what to do."""
        if self._last is None or self._failed < RED_AFTER:
            return ""
        return f"{self._failed} rounds failed in a row, the last at {self._last}; {_DO[self._last.step]}"


def watch() -> Watch:
    """Start to fly rounds, in a thread, for as long as this process lives. Returns the watch."""
    way = canary.route()
    found = Watch(lambda: canary.fly(way))
    threading.Thread(target=_run, args=(found,), name="canary", daemon=True).start()
    return found


def _run(found: Watch) -> None:
    due = time.monotonic()

    def step() -> None:
        nonlocal due
        if time.monotonic() < due:
            time.sleep(0.5)
            return
        due = time.monotonic() + found.round()

    loops.forever("canary", step)
