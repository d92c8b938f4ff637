"""Waiting for frames."""

from typing import Any

from bench.clients import Devices
from tests.processes import wait_until


def wait_for(devices: Devices, what: str, expected: int) -> dict[str, Any]:
    """Wait until that many were counted, and fail when they never are: a lost frame must not look like a fast one."""
    wait_until(lambda: devices.report()[what] >= expected, f"{expected} frames", seconds=60)
    return devices.report()
