"""A circuit breaker: whoever is away is not asked again and again, at everybody's expense."""

import threading
import time

FAILURES = 5
OPEN_SECONDS = 2.0


class Breaker:
    """Opens after FAILURES failures in a row. Once open, it lets one trial through every OPEN_SECONDS.

    A trial that succeeds closes it. Whoever dies in the middle of a trial does no harm: the next one is due in time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._trial_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= FAILURES

    def allows(self) -> bool:
        """Whether to try now."""
        with self._lock:
            if not self.is_open:
                return True
            now = time.monotonic()
            if now < self._trial_at:
                return False
            self._trial_at = now + OPEN_SECONDS
            return True

    def succeeded(self) -> None:
        """An answer came."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """No answer came."""
        with self._lock:
            self._failures += 1
            if self._failures == FAILURES:
                self._trial_at = time.monotonic() + OPEN_SECONDS
