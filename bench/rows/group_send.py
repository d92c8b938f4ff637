"""The row `group send`: sends into groups of 500, of whom 50 are online, against sends to one user."""

from bench import people
from bench.clients import Devices
from bench.figures import Row, interleaved, row
from bench.rows.send import sustained
from bench.site import Site
from bench.waiting import wait_for

_PEOPLE = {"first": 500_001, "count": 10_000}
_SIZE = 500
_EVERY = 10  # so many users have one device among them


def measure(site: Site) -> list[Row]:
    """Returns the row `group send`."""
    site.bulk.users(**_PEOPLE)
    site.bulk.groups(people.groups(**_PEOPLE, size=_SIZE))
    shares: list[dict[str, float]] = []
    with Devices(site.stack.realtime_urls[0], **_PEOPLE, every=_EVERY) as devices:
        devices.wait_online()
        site.wait_quiet()
        site.warm(site.stack.web_url)
        site.prepared()
        rounds = interleaved(
            lambda: _delivered(site, devices, shares),
            lambda: sustained(site, site.stack.web_url),
        )
    return [
        row(
            "group send",
            "sends/s",
            rounds,
            measured="messages to 20 groups of 500, acknowledged, read by 50 members online in each and worked off, "
            "64 clients",
            compared="messages to one user, acknowledged and worked off, as in *send*",
            parts={"cpu_shares": shares},
        )
    ]


def _delivered(site: Site, devices: Devices, shares: list[dict[str, float]]) -> float:
    """Returns sends per second, with the time counted until all frames are read and the outbox is empty."""
    devices.reset()
    told = site.load("group send", site.stack.web_url, **_PEOPLE, size=_SIZE)
    seen = wait_for(devices, "frames", told["answered"] * _SIZE // _EVERY)
    shares.append({"senders": told["cpu"], "devices": seen["cpu"]})
    return float(told["answered"] / (max(seen["last"], site.wait_drained()) - told["began"]) * 1e9)
