"""The row `relay frames`: the CPU time of a frame in the relay, against a loop that only passes it on."""

from itertools import count

from bench.clients import Devices
from bench.figures import Row, interleaved, row
from bench.site import Site, cpu_seconds, only_child
from bench.waiting import wait_for
from tests.processes import Process

PEOPLE = {"first": 200_001, "count": 1_000}  # of this row alone, without friends who would be sent their presence
RATE = 3_000


def measure(site: Site) -> list[Row]:
    """Returns the row `relay frames`."""
    relay = site.stack.named("realtime")[0]
    with (
        site.door("loop", "bench.wsgi_loop:app", WEB_CONCURRENCY="1") as loop,
        Devices(site.stack.realtime_urls[0], **PEOPLE) as devices,
        Devices(loop.url, **PEOPLE) as others,
    ):
        devices.wait_online()
        others.wait_online()
        site.wait_quiet()
        lap = count()
        rounds = interleaved(
            lambda: cost(site, relay, devices, "message", next(lap)),
            lambda: cost(site, loop, others, "bare"),
        )
        unproven = cost(site, relay, devices, "frame")
    return [
        row(
            "relay frames",
            "µs CPU/frame",
            rounds,
            measured="CPU of the relay for a message pushed and its delivery proved, 1,000 sockets, 3,000 frames/s",
            compared="CPU of a bare loop: redis-py listen, simple-websocket send",
            parts={"frames_that_need_no_proof": unproven},
        )
    ]


def turns(site: Site) -> int:
    """Returns how many frames `cost` has each user get."""
    return max(1, int(RATE * site.seconds) // PEOPLE["count"])


def cost(site: Site, door: Process, devices: Devices, kind: str, lap: int = 0) -> float:
    """Returns the µs of CPU that a frame takes. `lap` counts earlier calls of this kind: a relay notices a gap."""
    total = turns(site) * PEOPLE["count"]
    process = only_child(door)
    devices.reset()
    before = cpu_seconds(process)
    site.publish(kind=kind, **PEOPLE, total=total, seq=1 + lap * turns(site), batch=30, rate=RATE)
    wait_for(devices, "frames", total)
    return (cpu_seconds(process) - before) / total * 1e6
