"""How long after their COMMIT a connection's messages are written, and answered by its device.

Of messages that are written together the oldest is measured, so that a burst costs what one message does. At most 500 a
second are measured of each kind: it costs as much as a tenth of pushing a frame, and these tell the rest.
"""

import time
from collections.abc import Callable

from infra.metrics import push_seconds

_PAUSE_SECONDS = 0.002


class _Paced:
    """A histogram of seconds since a COMMIT. What is observed too soon after another is left out."""

    def __init__(self, until: str) -> None:
        self._histogram = push_seconds.labels(until)
        self._observed_at = 0.0

    def observe(self, committed: float, now: float) -> None:
        if not 0 <= now - self._observed_at < _PAUSE_SECONDS:  # the clock may be set back
            self._observed_at = now
            self._histogram.observe(max(0.0, now - committed))  # clocks may differ


_written = _Paced("written")
_answered = _Paced("answered")


class Timing:
    """The times of one connection, in Unix seconds by the clock of the process that has committed."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._unwritten: float | None = None
        self._unasked: float | None = None
        self._asked: float | None = None

    def pushed(self, committed: float | None) -> None:
        """Note that a message is queued; None when it is not known when it was committed."""
        if committed is not None:
            self._unwritten = self._unwritten or committed
            self._unasked = self._unasked or committed

    def asked(self) -> None:
        """Note that a ping goes behind what is queued."""
        self._asked, self._unasked = self._unasked, None

    def written(self) -> None:
        """Note that the kernel has taken all that was queued."""
        if self._unwritten is not None:
            _written.observe(self._unwritten, self._clock())
            self._unwritten = None

    def answered(self) -> None:
        """Note that the device has answered for what was before the last ping."""
        if self._asked is not None:
            _answered.observe(self._asked, self._clock())
            self._asked = None
