"""How long after their COMMIT a connection's messages are written, and answered by its device.

Of messages that are written together the oldest is measured, so that a burst costs what one message does.
"""

import time
from collections.abc import Callable

from infra.metrics import push_seconds

_written = push_seconds.labels("written")
_answered = push_seconds.labels("answered")


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
            _written.observe(max(0.0, self._clock() - self._unwritten))  # clocks may differ
            self._unwritten = None

    def answered(self) -> None:
        """Note that the device has answered for what was before the last ping."""
        if self._asked is not None:
            _answered.observe(max(0.0, self._clock() - self._asked))
            self._asked = None
