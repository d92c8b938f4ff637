"""The row `memory`: what the processes weigh that a small deployment runs, one of each kind, idle."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.clients import Devices
from bench.figures import ROUNDS, Row, row, told
from bench.release import Memory, Release
from bench.site import PEOPLE, Site
from tests.processes import ROOT

_MEASURED = "all processes, one of each kind, idle; RSS, so that shared pages count in every process"


def measure(site: Site) -> list[Row]:
    """Returns the row `memory`, compared with the older release that `--before` names."""
    loaded = _under_load(site)
    site.stack.stop()  # its processes would share pages with those that are weighed
    with ExitStack() as opened:
        now = _release(opened, site, ROOT)
        before = _release(opened, site, site.before) if site.before else None
        rounds = [(now.idle(), before.idle() if before else None) for _ in range(ROUNDS)]
    ours, theirs = [each for each, _ in rounds], [each for _, each in rounds if each]
    parts: dict[str, Any] = {"idle": _middle(ours), "under_load_1,000_sockets": loaded}
    if not theirs:
        return [told("memory", "MB", [sum(each.resident.values()) for each in ours], measured=_MEASURED, parts=parts)]
    pairs = [
        (sum(one.resident.values()), sum(other.resident.values())) for one, other in zip(ours, theirs, strict=True)
    ]
    parts["before"] = _middle(theirs)
    return [row("memory", "MB", pairs, measured=_MEASURED, compared="the same of the older release", parts=parts)]


def _release(opened: ExitStack, site: Site, checkout: Path) -> Release:
    directory = site.directory / f"release-{checkout.resolve().name}"
    directory.mkdir()
    release = Release(checkout, site.empty_database(), directory)
    site.started.append(release)
    opened.callback(release.kill)
    release.migrate()
    return release


def _middle(rounds: list[Memory]) -> dict[str, Any]:
    """Returns the medians over the rounds, of the kinds of processes and of all together."""
    kinds = {kind: median(each.resident[kind] for each in rounds) for kind in rounds[0].resident}
    return kinds | {"PSS of all": median(sum(each.proportional.values()) for each in rounds)}


def _under_load(site: Site) -> dict[str, float]:
    """Returns the most MB that were seen of each kind of process (web 1+2, realtime 1+1, worker 1+2) under load."""
    most: dict[str, float] = {}
    with Devices(site.stack.realtime_urls[0], **PEOPLE) as devices, ThreadPoolExecutor(1) as threads:
        devices.wait_online()
        site.wait_quiet()
        load = threads.submit(site.load, "send", site.stack.web_url)
        while not load.done():
            most |= {kind: max(most.get(kind, 0), now) for kind, now in site.memory().items()}
        load.result()
    site.wait_drained()
    return most
