"""The rows `end to end`: the time from the sender's POST until the peer has read the frame."""

from typing import Any

from bench.clients import Devices
from bench.figures import ROUNDS, Row, row
from bench.rows.send import sustained, warm
from bench.site import PEOPLE, Site
from bench.waiting import wait_for


def measure(site: Site) -> list[Row]:
    """Returns the rows `end to end` and `end to end p99`."""
    with Devices(site.stack.realtime_urls[0], **PEOPLE) as devices:
        devices.wait_online()
        site.wait_quiet()
        warm(site, site.stack.web_url)
        rate = (site.most_sends or sustained(site, site.stack.web_url)) / 2
        rounds = [(_sent(site, devices, rate), _published(site, devices, rate)) for _ in range(ROUNDS)]
    parts = {"rate": rate, "frames": [told["timed"] for told, _ in rounds]}
    return [
        row(
            "end to end",
            "ms",
            [(told["p50"], baseline["p50"]) for told, baseline in rounds],
            measured=f"p50 from POST to the frame read by the peer, at {rate:,.0f} sends/s, half the maximum",
            compared="p50 from Redis PUBLISH to the frame read, by the same relay at the same rate",
            parts=parts,
        ),
        row(
            "end to end p99",
            "ms",
            [(told["p99"], told["p50"]) for told, _ in rounds],
            measured="its p99",
            compared="its p50",
            parts=parts | {"baseline_p99": [baseline["p99"] for _, baseline in rounds]},
        ),
    ]


def _sent(site: Site, devices: Devices, rate: float) -> dict[str, Any]:
    devices.reset()
    told = site.load("send", site.stack.web_url, rate=rate)
    site.wait_drained()
    return wait_for(devices, "timed", told["answered"])


def _published(site: Site, devices: Devices, rate: float) -> dict[str, Any]:
    devices.reset()
    total = int(rate * site.seconds)
    site.publish(kind="frame", **PEOPLE, total=total, seq=1, batch=1, rate=rate)
    return wait_for(devices, "timed", total)
