"""The row `group commit`: sends per second, against the same with a transaction for each."""

from bench.figures import Row, interleaved, row
from bench.rows.send import sustained
from bench.site import Site


def measure(site: Site) -> list[Row]:
    """Returns the row `group commit`."""
    with site.door("single", "bench.wsgi_single:web") as single:
        site.warm(site.stack.web_url)
        site.warm(single.url)
        rounds = interleaved(lambda: sustained(site, site.stack.web_url), lambda: sustained(site, single.url))
    return [
        row(
            "group commit",
            "sends/s",
            rounds,
            measured="as send: up to 64 messages share a transaction",
            compared="the same with a transaction for every message",
        )
    ]
