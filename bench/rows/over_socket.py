"""The row `over the socket`: messages sent over the WebSocket that is open anyway, against the same by REST."""

from typing import Any

from bench.clients import Devices
from bench.figures import ROUNDS, Row, row
from bench.online import Delivered, cpu_by_kind, everybody_connected, over_rest, over_the_socket
from bench.site import CLIENTS, Site

_SEVERAL = 8  # messages on their way over one socket


def measure(site: Site) -> list[Row]:
    """Returns the row `over the socket`."""
    with everybody_connected(site) as devices:
        over_the_socket(site, devices, seconds=min(1.0, site.seconds))
        site.prepared()
        rounds = [(over_the_socket(site, devices), over_rest(site, devices)) for _ in range(ROUNDS)]
        several = _several(site, devices)
    sent = [each for each, _ in rounds]
    return [
        row(
            "over the socket",
            "messages/s",
            [(each.rate, rest.rate) for each, rest in rounds],
            measured="acknowledged, read by the peer and worked off, by `send` frames, 64 on their way, "
            "all 1,000 users connected and answering",
            compared="the same by REST, 64 clients",
            parts={
                "frame_to_sent_p50_ms": [each.p("answer", 0.5) for each in sent],
                "post_to_200_p50_ms": [rest.p("answer", 0.5) for _, rest in rounds],
                "cpu_shares": [each.shares for each in sent],
                "cpu_ms_a_message": cpu_by_kind(sent),
                "of_64_users_each_with_8_on_their_way": several,
            },
        )
    ]


def _several(site: Site, devices: Devices) -> dict[str, Any]:
    """Returns what 64 users bring who do not wait for an answer before they send the next message."""
    try:
        found: Delivered = over_the_socket(site, devices, senders=CLIENTS, at_once=CLIENTS * _SEVERAL)
    except RuntimeError as error:  # the limit on a user's sends is met where this is fast
        return {"not measured": str(error)[:100]}
    return {"rate": found.rate, "p50_ms": found.p("answer", 0.5)}
