"""The row `send`: sends per second, against an endpoint that only sends the body back."""

from bench.figures import Row, interleaved, row
from bench.site import Site
from tests.stack import Door


def measure(site: Site) -> list[Row]:
    """Returns the row `send`."""
    generator: list[float] = []
    with site.door("baseline", "bench.wsgi_baseline:app") as baseline:
        site.warm(site.stack.web_url)
        site.warm(baseline.url)
        rounds = interleaved(
            lambda: sustained(site, site.stack.web_url, generator),
            lambda: answered(site, baseline, generator),
        )
    site.most_sends = max(value for value, _ in rounds)
    return [
        row(
            "send",
            "sends/s",
            rounds,
            measured="messages acknowledged and worked off by the workers, 64 clients, 1,000 users",
            compared="requests/s of an endpoint that checks the token and sends the body back",
            parts={"load_generator_cpu_share": generator},
        )
    ]


def sustained(site: Site, url: str, generator: list[float] | None = None) -> float:
    """Returns sends per second, with the time counted until the outbox is empty again."""
    told = site.load("send", url)
    if generator is not None:
        generator.append(told["cpu"])
    return float(told["answered"] / (site.wait_drained() - told["began"]) * 1e9)


def answered(site: Site, door: Door, generator: list[float]) -> float:
    """Returns requests per second."""
    told = site.load("send", door.url)
    generator.append(told["cpu"])
    return float(told["answered"] / (told["ended"] - told["began"]) * 1e9)
