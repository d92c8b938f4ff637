"""The row `relay frames`: the CPU time of a frame in the relay, against a loop that only passes it on."""

from itertools import count

from bench.clients import Devices
from bench.figures import Row, interleaved, row
from bench.site import Site, cpu_seconds, only_child
from bench.waiting import wait_for
from tests.processes import Process

_PEOPLE = {"first": 200_001, "count": 1_000}  # of this row alone, without friends who would be sent their presence
_RATE = 3_000


def measure(site: Site) -> list[Row]:
    """Returns the row `relay frames`."""
    relay = site.stack.named("realtime")[0]
    with (
        site.door("loop", "bench.wsgi_loop:app", WEB_CONCURRENCY="1") as loop,
        Devices(site.stack.realtime_urls[0], **_PEOPLE) as devices,
        Devices(loop.url, **_PEOPLE) as others,
    ):
        devices.wait_online()
        others.wait_online()
        site.wait_quiet()
        lap = count()
        rounds = interleaved(
            lambda: _cost(site, relay, devices, "message", next(lap)),
            lambda: _cost(site, loop, others, "bare", 0),
        )
        unproven = _cost(site, relay, devices, "frame", 0)
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


def _cost(site: Site, door: Process, devices: Devices, kind: str, lap: int) -> float:
    turns = max(1, int(_RATE * site.seconds) // _PEOPLE["count"])  # messages for each user: the relay notices a gap
    total = turns * _PEOPLE["count"]
    process = only_child(door)
    devices.reset()
    before = cpu_seconds(process)
    site.publish(kind=kind, **_PEOPLE, total=total, seq=1 + lap * turns, batch=30, rate=_RATE)
    wait_for(devices, "frames", total)
    return (cpu_seconds(process) - before) / total * 1e6
