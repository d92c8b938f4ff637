"""The row `storm`: how long 2,000 clients that connect at once take to get their backlogs, against a mere greeting."""

from bench.clients import Devices
from bench.figures import Row, interleaved, row
from bench.people import Pair, users
from bench.site import Site

_PEOPLE = {"first": 400_001, "count": 2_000}
_SENDERS = 100_000  # apart from their recipients
_EACH = 5


def measure(site: Site) -> list[Row]:
    """Returns the row `storm`."""
    pairs = [(user + _SENDERS, user) for user in users(**_PEOPLE)]
    site.bulk.messages(pairs, _EACH)
    with site.door("greeter", "bench.wsgi_greeter:app", WEB_CONCURRENCY="1") as greeter:
        rounds = interleaved(lambda: _storm(site, pairs), lambda: _greetings(site, greeter.url))
    return [
        row(
            "storm",
            "s",
            rounds,
            measured="2,000 clients connect at once to one relay, 5 messages waiting for each: until all have all",
            compared="the same with a bare server, until all are accepted, authenticated and greeted",
        )
    ]


def _storm(site: Site, pairs: list[Pair]) -> float:
    site.wait_quiet()  # the proofs of the last storm must be stored before delivery is reset
    site.bulk.undelivered(pairs)
    found = _connected(site.stack.realtime_urls[0], "backlog_end")
    if found["least_messages"] < _EACH:
        raise RuntimeError(f"a client got only {found['least_messages']} messages")
    return float(found["seconds"])


def _greetings(site: Site, url: str) -> float:
    site.wait_quiet()  # of the storm's clients, who leave together
    return float(_connected(url, "hello")["seconds"])


def _connected(url: str, last: str) -> dict[str, float]:
    with Devices(url, **_PEOPLE, at_once=_PEOPLE["count"], online=last) as devices:
        return devices.wait_online()
