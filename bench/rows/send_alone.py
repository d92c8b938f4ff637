"""The row `send alone`: how long one client waits for its send while nobody else sends."""

from bench.figures import Row, interleaved, row
from bench.site import Site


def measure(site: Site) -> list[Row]:
    """Returns the row `send alone`."""
    with site.door("baseline", "bench.wsgi_baseline:app", BENCH_SYNC_FILE=str(site.directory / "synced")) as baseline:
        site.warm(site.stack.web_url)
        site.warm(baseline.url)
        rounds = interleaved(lambda: _p50(site, site.stack.web_url), lambda: _p50(site, baseline.url))
    return [
        row(
            "send alone",
            "ms",
            rounds,
            measured="p50 of one client's send, nobody else sending",
            compared="p50 of an endpoint that checks the token, makes the body durable in a file and sends it back",
        )
    ]


def _p50(site: Site, url: str) -> float:
    told = site.load("send", url, clients=1, seconds=site.seconds / 2)
    site.wait_drained()
    return float(told["p50"])
