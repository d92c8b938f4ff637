"""The row `group growth`: the same calls in a group of 10,000 and in groups of 10."""

import time
from collections.abc import Callable
from dataclasses import replace

from bench import people
from bench.figures import Row, interleaved, row
from bench.site import Site

_LARGE = {"first": 520_001, "count": 10_000, "size": 10_000}
_SMALL = {"first": 540_001, "count": 500, "size": 10}  # so many that nobody has to read twice
_EACH = 100  # messages of every group beforehand
_DRAINED = 2_000

Who = dict[str, int]


def measure(site: Site) -> list[Row]:
    """Returns the row `group growth`, of what grows most."""
    for who in (_LARGE, _SMALL):
        site.bulk.users(who["first"], who["count"])
        site.bulk.groups(people.groups(**who))
        site.bulk.group_messages(people.groups(**who), _EACH)
    site.warm(site.stack.web_url)
    found = {
        "send": _compare(lambda who: _p50(site, "group send", who)),
        "drain of a message": _compare(lambda who: _drain(site, who)),
        "list": _compare(lambda who: _p50(site, "list", who)),
        "read": _compare(lambda who: _read(site, who)),
    }
    worst = max(found, key=lambda name: found[name].ratio or 0)
    parts = {
        name: {"p50_ms": each.value, "with_10": each.baseline, "ratio": each.ratio} for name, each in found.items()
    }
    return [replace(found[worst], parts=parts, note=f"the one that grows most: {worst}")]


def _compare(measured: Callable[[Who], float]) -> Row:
    for who in (_LARGE, _SMALL):
        measured(who)  # once for the caches
    return row(
        "group growth",
        "ms",
        interleaved(lambda: measured(_LARGE), lambda: measured(_SMALL)),
        measured="p50 of a call, or the drain of a message, in a group of 10,000, one client",
        compared="the same in groups of 10",
    )


def _p50(site: Site, kind: str, who: Who) -> float:
    given = who if kind != "list" else {"first": who["first"], "count": who["count"]}
    told = site.load(kind, site.stack.web_url, **given, clients=1, most=500, seconds=site.seconds / 5)
    site.wait_drained()
    return float(told["p50"])


def _read(site: Site, who: Who) -> float:
    site.bulk.unread(people.groups(**who))
    return _p50(site, "group read", who)


def _drain(site: Site, who: Who) -> float:
    """Returns the ms that a worker takes to drain one of many messages of the first of the groups."""
    from actions import work  # imported late: it reads the settings, which are there by now

    first, members = next(iter(people.groups(**who).items()))
    site.worker.freeze()
    site.bulk.group_messages({first: members}, _DRAINED, events=True)
    work.resume(range(16))
    began = time.monotonic_ns()
    site.worker.thaw()
    return (site.wait_drained() - began) / _DRAINED / 1e6
