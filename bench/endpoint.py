"""The empty endpoint, the baseline of what a message takes: a server that checks the token and sends the body back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.site import Site, family_cpu
from tests.stack import Door


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of the empty endpoint: how many a second, and the ms of CPU that each took, without the client's."""

    rate: float
    cpu: float
    share: float


@contextmanager
def endpoint(site: Site) -> Iterator[Door]:
    """Run the empty endpoint while it is needed, with its first requests behind it."""
    with site.door("baseline", "bench.wsgi_baseline:app") as door:
        site.load("send", door.url, seconds=min(1.0, site.seconds))
        yield door


def requests(site: Site, door: Door, **orders: Any) -> Requests:
    """Returns what requests to the endpoint cost. Without `rate`, they come as fast as they are answered."""
    before = family_cpu(door)
    told = site.load("send", door.url, **orders)
    cpu = (family_cpu(door) - before) / told["answered"] * 1000
    return Requests(told["answered"] / (told["ended"] - told["began"]) * 1e9, cpu, told["cpu"])
