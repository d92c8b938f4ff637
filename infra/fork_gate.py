"""Keeps a process from forking while its other threads hold locks, which would stay locked for ever in the child."""

import os
import threading

_MOST_SECONDS = 5.0  # that a fork waits


class _Gate:
    """Entered by any number of threads at once. A fork waits until all have left, and others wait for the fork."""

    def __init__(self) -> None:
        self._turn = threading.Condition(threading.Lock())
        self._inside = 0
        os.register_at_fork(before=self._close, after_in_parent=self._turn.release, after_in_child=self._reopen)

    def __enter__(self) -> None:
        with self._turn:
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._inside -= 1
            self._turn.notify_all()

    def _close(self) -> None:
        self._turn.acquire()
        self._turn.wait_for(lambda: not self._inside, _MOST_SECONDS)

    def _reopen(self) -> None:
        self._inside = 0
        self._turn.release()


no_fork = _Gate()
