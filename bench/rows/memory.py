"""The row `memory`: the memory of each kind of process, just started and under load."""

from concurrent.futures import ThreadPoolExecutor

from bench.clients import Devices
from bench.figures import ROUNDS, Row, row
from bench.site import PEOPLE, Site


def measure(site: Site) -> list[Row]:
    """Returns the row `memory`."""
    with Devices(site.stack.realtime_urls[0], **PEOPLE) as devices:
        devices.wait_online()
        site.wait_quiet()
        loaded = [_under_load(site) for _ in range(ROUNDS)]
    most = {kind: max(each[kind] for each in loaded) for kind in site.memory_idle}
    idle = sum(site.memory_idle.values())
    return [
        row(
            "memory",
            "MB",
            [(sum(each.values()), idle) for each in loaded],
            measured="all processes together (web 1+2, realtime 1+1, worker 1+2, beat) under load, 1,000 sockets open",
            compared="the same when just started; RSS, so that shared pages count in every process",
            parts={"under_load": most, "just_started": site.memory_idle},
        )
    ]


def _under_load(site: Site) -> dict[str, float]:
    """Returns the most MB that were seen of each kind of process under load."""
    most = dict.fromkeys(site.memory_idle, 0.0)
    with ThreadPoolExecutor(1) as threads:
        load = threads.submit(site.load, "send", site.stack.web_url)
        while not load.done():
            now = site.memory()
            most = {kind: max(most[kind], now[kind]) for kind in most}
        load.result()
    site.wait_drained()
    return most
