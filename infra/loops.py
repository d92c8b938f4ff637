"""Background loops that survive unforeseen exceptions, and report when they stand still."""

import time
from collections.abc import Callable
from typing import NoReturn

from infra import logs
from infra.metrics import loop_stumbles, loop_turned

log = logs.get(__name__)

STALLED_SECONDS = 10.0
_SHOWN_SECONDS = 1.0  # between two values of the metric: some loops turn for each message
_PAUSE_SECONDS = 1.0  # after an exception, so that a lasting fault does not fill the log

_turned: dict[str, float] = {}


def forever(name: str, step: Callable[[], object], *, sleep: Callable[[float], object] = time.sleep) -> NoReturn:
    """Call `step` again and again. An exception is logged and counted, and the loop goes on a second later.

    A step must return within STALLED_SECONDS, also when there is nothing to do.
    """
    shown = float("-inf")
    while True:
        _turned[name] = now = time.monotonic()
        if now - shown > _SHOWN_SECONDS:
            shown = now
            loop_turned.labels(loop=name).set_to_current_time()
        try:
            step()
        except Exception:
            log.exception("loop_stumbled", loop=name)
            loop_stumbles.labels(loop=name).inc()
            sleep(_PAUSE_SECONDS)


def stalled() -> list[str]:
    """Returns the names of this process's loops that have not turned for STALLED_SECONDS."""
    oldest = time.monotonic() - STALLED_SECONDS
    return sorted(name for name, turned in _turned.items() if turned < oldest)
