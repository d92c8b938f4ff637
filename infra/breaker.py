"""A circuit breaker: a service that does not answer is left alone, so that callers do not wait for it in vain."""

import threading
import time

FAILURES = 5
OPEN_SECONDS = 2.0


class Breaker:
    """Opens after FAILURES failures in a row. Once open, it lets one trial through every OPEN_SECONDS.

    A trial that succeeds closes it. A trial that never reports its outcome does no harm: the next one is due in time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._trial_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the last FAILURES calls all failed."""
        return self._failures >= FAILURES

    def allows(self) -> bool:
        """Returns whether to call now. While the breaker is open, True starts the one trial of OPEN_SECONDS."""
        with self._lock:
            if not self.is_open:
                return True
            now = time.monotonic()
            if now < self._trial_at:
                return False
            self._trial_at = now + OPEN_SECONDS
            return True

    def succeeded(self) -> None:
        """Count an answer: close the breaker."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Count a call without an answer."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES:
                self._trial_at = time.monotonic() + OPEN_SECONDS
