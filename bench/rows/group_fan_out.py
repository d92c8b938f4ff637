"""The row `group fan-out`: the CPU time of a frame of a group of 1,000 in the relay, against one of a pair."""

from itertools import count

from bench import people
from bench.clients import Devices
from bench.figures import Row, interleaved, row
from bench.rows import relay_frames
from bench.site import Site, cpu_seconds, only_child
from bench.waiting import wait_for
from tests.processes import Process

_GROUPS = people.groups(**relay_frames.PEOPLE, size=relay_frames.PEOPLE["count"])
(_GROUP,) = _GROUPS


def measure(site: Site) -> list[Row]:
    """Returns the row `group fan-out`."""
    relay = site.stack.named("realtime")[0]
    site.bulk.groups(_GROUPS)
    with Devices(site.stack.realtime_urls[0], **relay_frames.PEOPLE) as devices:
        devices.wait_online()
        site.wait_quiet()
        lap = count()
        rounds = interleaved(
            lambda: _cost(site, relay, devices),
            lambda: relay_frames.cost(site, relay, devices, "message", next(lap)),
        )
    return [
        row(
            "group fan-out",
            "µs CPU/frame",
            rounds,
            measured="CPU of the relay for a group's message pushed to 1,000 members online and its delivery proved, "
            "3,000 frames/s",
            compared="the same of messages of pairs, to the same sockets",
        )
    ]


def _cost(site: Site, relay: Process, devices: Devices) -> float:
    turns, known = relay_frames.turns(site), site.bulk.group_seq(_GROUP)
    total = turns * relay_frames.PEOPLE["count"]
    site.bulk.group_messages(_GROUPS, turns)
    process = only_child(relay)
    devices.reset()
    before = cpu_seconds(process)
    rate = relay_frames.RATE / relay_frames.PEOPLE["count"]
    site.publish(kind="group", first=_GROUP, count=1, total=turns, seq=known + 1, batch=1, rate=rate)
    wait_for(devices, "frames", total)
    site.bulk.wait_group_proved(_GROUP, known + turns)
    return (cpu_seconds(process) - before) / total * 1e6
