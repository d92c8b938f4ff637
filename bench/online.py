"""A load while all users are connected: what was acknowledged, read by the peers, worked off and proved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.clients import Devices
from bench.load import percentile
from bench.site import CLIENTS, PEOPLE, Site
from bench.waiting import wait_for

_RELEVANT = 0.01  # of the CPU that a message takes: kinds of processes below it are left out


@dataclass(frozen=True, slots=True)
class Delivered:
    """Messages that were sent, read by their recipients, worked off, proved and told to their senders.

    Rates are messages/s: until all were read and the outbox was empty, and `read_rate` until all were read. `cpu` is ms
    for each message, by kind of process, until all were proved. `shares` are the clients' shares of a CPU.
    """

    count: int
    rate: float
    read_rate: float
    answer: list[int]  # sorted nanoseconds from sending to the answer, to the frame, and from the answer to the frame
    frame: list[int]
    after: list[int]
    cpu: dict[str, float]
    shares: dict[str, float] = field(default_factory=dict)

    @property
    def whole_cpu(self) -> float:
        """Returns the ms of CPU of all processes for a message."""
        return sum(self.cpu.values())

    def p(self, which: str, share: float) -> float:
        """Returns a percentile of "answer", "frame" or "after", in ms."""
        return percentile(getattr(self, which), share)


@contextmanager
def everybody_connected(site: Site) -> Iterator[Devices]:
    """Yields the devices of all users, connected, once the workers are idle again and web has warmed up."""
    with Devices(site.stack.realtime_urls[0], **PEOPLE) as devices:
        devices.wait_online()
        site.wait_quiet()
        site.warm(site.stack.web_url)
        yield devices


def over_rest(site: Site, devices: Devices, **orders: Any) -> Delivered:
    """Send by POST, while the recipients' devices are connected. Returns what became of it."""
    return _delivered(site, devices, lambda: site.load("send", site.stack.web_url, times=True, **orders))


def over_the_socket(site: Site, devices: Devices, **orders: Any) -> Delivered:
    """Send over the devices' own sockets, as many at once as REST has clients. Returns what became of it."""
    given = PEOPLE | {"seconds": site.seconds, "at_once": CLIENTS} | orders
    return _delivered(site, devices, lambda: devices.send(**given))


def cpu_by_kind(rounds: list[Delivered]) -> dict[str, list[float]]:
    """Returns the ms of CPU for a message in each round, of the kinds of processes that take any."""
    kinds = [kind for kind in rounds[0].cpu if max(each.cpu[kind] / each.whole_cpu for each in rounds) > _RELEVANT]
    return {kind: [each.cpu[kind] for each in rounds] for kind in kinds}


def _delivered(site: Site, devices: Devices, send: Callable[[], dict[str, Any]]) -> Delivered:
    newest, before = site.bulk.newest(), site.cpu()
    devices.reset()
    told = send()
    count = told["answered"]
    seen = wait_for(devices, "timed", count)
    worked_off = site.wait_drained()
    site.bulk.wait_proved(newest)
    cpu = {kind: (after - before[kind]) / count * 1000 for kind, after in site.cpu().items()}
    read = devices.times()
    done = max(read.values())
    answered = told["times"]
    return Delivered(
        count=count,
        rate=count / (max(done, worked_off) - told["began"]) * 1e9,
        read_rate=count / (done - told["began"]) * 1e9,
        answer=sorted(at - sent for sent, at in answered),
        frame=sorted(at - sent for sent, at in read.items()),
        after=sorted(read[sent] - at for sent, at in answered),
        cpu=cpu,
        shares={"senders": told["cpu"], "devices": seen["cpu"]},
    )
