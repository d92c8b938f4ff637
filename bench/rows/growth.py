"""The row `growth`: the same calls with 1,000,000 and with 10,000 messages stored."""

from dataclasses import replace

from bench import people
from bench.bulk import Bulk
from bench.figures import Row, interleaved, row
from bench.site import Site
from tests.stack import Door

_EACH = 100  # messages of every conversation; every user has ten, so that only the number of users differs
_SMALL = {"first": 1, "count": 20}
_LARGE = {"first": 1, "count": 2_000}
_BUSY = {"first": 900_001, "count": 1}  # has 5,000 conversations
_BUSY_FRIENDS = people.users(910_001, 5_000)


def measure(site: Site) -> list[Row]:
    """Returns the row `growth`, of the call whose time grows most."""
    small, large = site.new_database(), site.new_database()
    _fill(Bulk(small), _SMALL)
    _fill(Bulk(large), _LARGE)
    _fill_busy(Bulk(large))
    few_at, many_at = ({"DATABASE_URL": url, "RATE_LIMITS": "0"} for url in (small, large))  # one user asks for all
    with site.door("small", **few_at) as few, site.door("large", **many_at) as many:
        calls = {
            "send": _compare(site, "send", many, _LARGE, few),
            "history page": _compare(site, "history", many, _LARGE, few),
            "conversation list": _compare(site, "list", many, _LARGE, few),
            "list of 5,000 conversations": _compare(site, "list", many, _BUSY, few),
        }
    worst = max(calls.values(), key=lambda each: each.ratio or 0)
    parts = {
        name: {"p50_ms": each.value, "with_10000": each.baseline, "ratio": each.ratio} for name, each in calls.items()
    }
    name = next(name for name, each in calls.items() if each is worst)
    return [replace(worst, parts=parts, note=f"the one that grows most: {name}")]


def _compare(site: Site, kind: str, many: Door, whom: dict[str, int], few: Door) -> Row:
    for door, who in ((many, whom), (few, _SMALL)):
        _p50(site, kind, door, who)  # once for the caches
    rounds = interleaved(lambda: _p50(site, kind, many, whom), lambda: _p50(site, kind, few, _SMALL))
    return row(
        "growth",
        "ms",
        rounds,
        measured="p50 of a call with 1,000,000 messages stored, one client, rate limits lifted",
        compared="p50 of the same with 10,000 stored",
    )


def _p50(site: Site, kind: str, door: Door, who: dict[str, int]) -> float:
    return float(site.load(kind, door.url, **who, clients=1, most=500, seconds=site.seconds / 5)["p50"])


def _fill(bulk: Bulk, who: dict[str, int]) -> None:
    pairs = people.friends(**who)
    bulk.users(**who)
    bulk.friends(pairs)
    bulk.messages(pairs, _EACH)


def _fill_busy(bulk: Bulk) -> None:
    busy = _BUSY["first"]
    pairs = [(friend, busy) for friend in _BUSY_FRIENDS]
    bulk.users(**_BUSY)
    bulk.users(_BUSY_FRIENDS.start, len(_BUSY_FRIENDS))
    bulk.friends(pairs)
    bulk.messages(pairs, 1)
