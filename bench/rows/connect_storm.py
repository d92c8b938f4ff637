"""The row `connect storm`: how long 2,000 clients that reconnect at once take to get their backlogs."""

from bench.clients import Devices
from bench.figures import ROUNDS, Row, told
from bench.people import Pair, users
from bench.site import Site

_PEOPLE = {"first": 400_001, "count": 2_000}
_SENDERS = 100_000  # apart from their recipients
_EACH = 5


def measure(site: Site) -> list[Row]:
    """Returns the row `connect storm`."""
    pairs = [(user + _SENDERS, user) for user in users(**_PEOPLE)]
    site.bulk.messages(pairs, _EACH)
    seconds = [_storm(site, pairs) for _ in range(ROUNDS)]
    return [
        told(
            "connect storm",
            "s",
            seconds,
            measured="2,000 clients connect at once to one relay, 5 messages waiting for each: until all have all",
            parts={"seconds": seconds},
        )
    ]


def _storm(site: Site, pairs: list[Pair]) -> float:
    site.wait_quiet()  # the proofs of the last storm must be stored before delivery is reset
    site.bulk.undelivered(pairs)
    with Devices(site.stack.realtime_urls[0], **_PEOPLE, at_once=_PEOPLE["count"]) as devices:
        found = devices.wait_online()
    if found["least_messages"] < _EACH:
        raise RuntimeError(f"a client got only {found['least_messages']} messages")
    return float(found["seconds"])
