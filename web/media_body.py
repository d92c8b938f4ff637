"""The body of an answer that gives an upload's bytes to a reader who may be slow, or go away."""

import errno
from collections.abc import Callable

from gevent import Timeout

from infra import logs
from infra.storage import Missing, Reading, StorageAway

log = logs.get(__name__)

TAKING_SECONDS = 30.0  # for 64 KiB: a reader who takes less holds a greenlet and an open file for nothing


class MediaBody:
    """Bytes on their way. An answer that cannot be finished is cut off: its reader sees that bytes are missing."""

    def __init__(
        self,
        media_id: str,
        reading: Reading,
        *,
        taking_seconds: float = TAKING_SECONDS,
        timer: Callable[[float, BaseException], Timeout] = Timeout.start_new,
    ) -> None:
        self._media_id = media_id
        self._reading = reading
        self._seconds = taking_seconds
        self._timer = timer
        self._slow: Timeout | None = None

    def __iter__(self) -> "MediaBody":
        return self

    def __next__(self) -> bytes:
        self._taken()
        try:
            chunk = next(self._reading)
        except (Missing, StorageAway) as error:
            log.warning("media_cut_off", media_id=self._media_id, reason=str(error))
            raise _cut() from error
        self._slow = self._timer(self._seconds, _cut())
        return chunk

    def close(self) -> None:
        """Free what the answer holds. The server calls it, however the answer ends."""
        self._taken()
        self._reading.close()

    def _taken(self) -> None:
        if self._slow is not None:
            self._slow.close()
            self._slow = None


def _cut() -> ConnectionError:
    """Returns the error at which gunicorn closes a connection and says nothing."""
    return ConnectionResetError(errno.ECONNRESET, "the answer was cut off")
