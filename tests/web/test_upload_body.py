"""Tests of how long an upload may take: any rate will do for a while, then a least one, and never too long in all."""

from contextlib import suppress
from io import BytesIO

import pytest
from werkzeug.exceptions import RequestTimeout

from tests.infra.test_limits import Clock
from web.upload_body import GRACE_SECONDS, LEAST_RATE, WHOLE_SECONDS, UploadBody


class Slow(BytesIO):
    """A client who sends so many bytes in each second of `clock`."""

    def __init__(self, rate: float, clock: Clock) -> None:
        super().__init__()
        self._rate = rate
        self._clock = clock

    def read(self, size: int | None = -1) -> bytes:
        self._clock.now += 1.0
        return b"x" * min(int(self._rate), size or 0)


def lasting(rate: float) -> float:
    """Returns after how many seconds a client is not waited for any longer who sends at this rate without an end."""
    clock = Clock()
    started = clock.now
    body = UploadBody(Slow(rate, clock), clock=clock)
    with suppress(RequestTimeout):
        while clock.now < started + 2 * WHOLE_SECONDS:
            body.read(64 * 1024)
    return clock.now - started


def test_a_slow_client_has_a_while_and_a_fast_one_has_longer() -> None:
    assert GRACE_SECONDS <= lasting(1) <= GRACE_SECONDS + 2
    assert lasting(LEAST_RATE / 2) == pytest.approx(2 * GRACE_SECONDS, abs=2)
    for rate in (LEAST_RATE + 1, 60_000):
        assert WHOLE_SECONDS <= lasting(rate) <= WHOLE_SECONDS + 2
