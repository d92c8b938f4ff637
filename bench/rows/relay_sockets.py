"""The row `relay sockets`: the memory of 10,000 sockets, and the time of a frame to all, against the bare loop."""

import resource
from contextlib import ExitStack
from dataclasses import replace

from bench.clients import Devices
from bench.figures import Row, interleaved, row
from bench.site import Site, only_child, rss
from bench.waiting import wait_for
from tests.stack import Door

_FIRST = 300_001
_WANTED = 10_000
_PROCESSES = 2  # of devices: each may open no more files than the relay may
_SPARE = 500  # files that a process has open beside its sockets
_MOST_KB = 45


def measure(site: Site) -> list[Row]:
    """Returns the row `relay sockets`."""
    count = _allowed()
    with (
        site.door("relay", "wsgi:realtime", WEB_CONCURRENCY="1") as relay,
        site.door("loop", "bench.wsgi_loop:app", WEB_CONCURRENCY="1") as loop,
        ExitStack() as opened,
    ):
        devices, kilobytes, seconds = _open(opened, relay, count)
        others, bare_kilobytes, bare_seconds = _open(opened, loop, count)
        site.wait_quiet()
        rounds = interleaved(
            lambda: _to_all(site, devices, "frame", count), lambda: _to_all(site, others, "bare", count)
        )
    found = row(
        "relay sockets",
        "ms to all",
        rounds,
        measured=f"one frame to each of {count:,} sockets of a relay: from the first published to the last read",
        compared="the same with the bare loop; parts tell what a socket weighs in both",
        parts={
            "sockets": count,
            "KB_a_socket": kilobytes,
            "KB_a_socket_bare": bare_kilobytes,
            "KB_ratio": kilobytes / bare_kilobytes,
            "seconds_to_connect": seconds,
            "seconds_to_connect_bare": bare_seconds,
        },
        note="" if count == _WANTED else f"this system allows {count:,} sockets only, not {_WANTED:,}",
    )
    return [judged(found)]


def judged(found: Row) -> Row:
    """Returns the row with the final verdict: time, memory against the bare loop, and memory itself must all hold."""
    light = found.parts["KB_ratio"] <= 1.5 and found.parts["KB_a_socket"] <= _MOST_KB
    return replace(found, holds=bool(found.holds and light))


def _allowed() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _WANTED if most == resource.RLIM_INFINITY else min(_WANTED, most - _SPARE)


def _open(opened: ExitStack, door: Door, count: int) -> tuple[list[Devices], float, float]:
    """Connect devices. Returns them, the KB of memory of a socket, and the seconds until all were online."""
    process = only_child(door)
    before = rss(process)
    share = count // _PROCESSES
    devices = [opened.enter_context(Devices(door.url, _FIRST + place * share, share)) for place in range(_PROCESSES)]
    seconds = max(each.wait_online()["seconds"] for each in devices)
    return devices, (rss(process) - before) / (share * _PROCESSES) / 1000, seconds


def _to_all(site: Site, devices: list[Devices], kind: str, count: int) -> float:
    for each in devices:
        each.reset()
    told = site.publish(kind=kind, first=_FIRST, count=count, total=count, seq=1, batch=1_000)
    last = max(wait_for(each, "frames", count // len(devices))["last"] for each in devices)
    return float(last - told["began"]) / 1e6
