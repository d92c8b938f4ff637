"""The row `after the answer`: from the sender's answer to the peer's frame, against a bare PUBLISH to the frame."""

from bench.clients import Devices
from bench.figures import ROUNDS, Row, row
from bench.load import percentile
from bench.online import everybody_connected, over_rest
from bench.site import PEOPLE, Site
from bench.waiting import wait_for

_RATE = 300.0


def measure(site: Site) -> list[Row]:
    """Returns the row `after the answer`."""
    with everybody_connected(site) as devices:
        site.prepared()
        rounds = [(over_rest(site, devices, rate=_RATE), _published(site, devices)) for _ in range(ROUNDS)]
    return [
        row(
            "after the answer",
            "ms",
            [(sent.p("after", 0.5), published) for sent, published in rounds],
            measured="p50 from the 200 to the frame read by the peer, at 300 sends/s, 1,000 sockets; "
            "below zero where the frame comes first",
            compared="p50 from Redis PUBLISH to the frame read, by the same relay at the same rate",
            parts={
                "p99_ms": [sent.p("after", 0.99) for sent, _ in rounds],
                "post_to_200_p50_ms": [sent.p("answer", 0.5) for sent, _ in rounds],
                "cpu_shares": [sent.shares for sent, _ in rounds],
            },
        )
    ]


def _published(site: Site, devices: Devices) -> float:
    """Returns the p50 in ms from a note's PUBLISH to its frame."""
    devices.reset()
    total = int(_RATE * site.seconds)
    site.publish(kind="frame", **PEOPLE, total=total, seq=1, batch=1, rate=_RATE)
    wait_for(devices, "timed", total)
    return percentile(sorted(at - published for published, at in devices.times().items()), 0.5)
