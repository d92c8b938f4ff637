"""The row `lone message`: the CPU that all processes take for a message while there is little to do."""

from bench.endpoint import endpoint, requests
from bench.figures import ROUNDS, Row, row
from bench.online import cpu_by_kind, everybody_connected, over_rest
from bench.site import Site

_RATE = 100.0


def measure(site: Site) -> list[Row]:
    """Returns the row `lone message`."""
    with endpoint(site) as door, everybody_connected(site) as devices:
        site.prepared()
        rounds = [(over_rest(site, devices, rate=_RATE), requests(site, door)) for _ in range(ROUNDS)]
        slow = requests(site, door, rate=_RATE)
    return [
        row(
            "lone message",
            "ms CPU/message",
            [(each.whole_cpu, empty.cpu) for each, empty in rounds],
            measured="CPU of all processes for a message sent, pushed, proved and told, at 100 sends/s, 1,000 sockets; "
            "what they use while idle is in it",
            compared="CPU of the empty endpoint's request at saturation, without its client",
            parts=cpu_by_kind([each for each, _ in rounds]) | {"endpoint_at_100_requests_a_second": slow.cpu},
        )
    ]
