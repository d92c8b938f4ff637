"""The wait for frames."""

from typing import Any

from bench.clients import Devices
from tests.processes import wait_until


def wait_for(devices: Devices, what: str, expected: int) -> dict[str, Any]:
    """Wait until the count `what` is as expected. Returns the report. Fails after 60 s: a lost frame must not pass."""
    wait_until(lambda: devices.report()[what] >= expected, f"{expected} frames", seconds=60)
    return devices.report()
