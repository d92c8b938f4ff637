"""The body of an upload as its client sends it: in pieces, each within a time, and at a least rate in all."""

import time
from collections.abc import Callable
from typing import BinaryIO

from gevent import Timeout
from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from messaging.errors import Code, Refused
from web.pace import Pace
from web.upload_form import MOST

AROUND = 64 * 1024  # bytes that separators, headers and the field `kind` may take
IDLE_SECONDS = 30.0  # for 64 KiB, or what is left
WHOLE_SECONDS = 900.0  # 100 MiB at 1 Mbit/s
GRACE_SECONDS = 30.0  # in which any rate is good
LEAST_RATE = 64 * 1024 / 5  # bytes a second, from then on: few could hold all places for long with less
PACE = Pace(0.0015)  # 43 MB/s for all uploads of a process: without it ten fast ones hold up sends


class UploadBody:
    """A body, as long as its client keeps sending."""

    def __init__(self, stream: BinaryIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._started = clock()
        self._came = 0

    def read(self, size: int) -> bytes:
        """Returns up to `size` bytes, none at the end. Raises RequestTimeout, ClientDisconnected, Refused."""
        PACE.wait()
        patience = self._patience()
        late = RequestTimeout("the body did not come in time")
        if patience <= 0:
            raise late
        with Timeout(patience, late):
            try:
                data = self._stream.read(size)
            except RequestTimeout:
                raise
            except Exception as error:  # whatever the server says of a body that breaks off
                raise ClientDisconnected from error
        self._came += len(data)
        if self._came > MOST + AROUND:
            raise Refused(Code.MEDIA_TOO_LARGE, f"more than {MOST} bytes")
        return data

    def _patience(self) -> float:
        """Returns the seconds in which the next piece has to come."""
        most = min(WHOLE_SECONDS, GRACE_SECONDS + self._came / LEAST_RATE)
        return min(IDLE_SECONDS, self._started + most - self._clock())
