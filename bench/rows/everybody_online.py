"""The rows `everybody online` and `with devices`: what a machine carries while every recipient's device answers."""

from bench.endpoint import endpoint, requests
from bench.figures import ROUNDS, Row, row
from bench.online import cpu_by_kind, everybody_connected, over_rest
from bench.site import Site


def measure(site: Site) -> list[Row]:
    """Returns the rows `everybody online` and `with devices`."""
    with endpoint(site) as door, everybody_connected(site) as devices:
        site.prepared()
        rounds = [(over_rest(site, devices), requests(site, door)) for _ in range(ROUNDS)]
    sent = [each for each, _ in rounds]
    return [
        row(
            "everybody online",
            "messages/s",
            [(each.rate, empty.rate) for each, empty in rounds],
            measured="acknowledged, read by the peer and worked off, by REST, 64 clients, "
            "all 1,000 users connected and answering",
            compared="requests/s of an endpoint that checks the token and sends the body back",
            parts={
                "until_read_by_the_peer": [each.read_rate for each in sent],
                "post_to_200_p50_ms": [each.p("answer", 0.5) for each in sent],
                "post_to_frame_p50_ms": [each.p("frame", 0.5) for each in sent],
                "cpu_shares": [each.shares for each in sent],
                "endpoint_client_cpu_share": [empty.share for _, empty in rounds],
            },
        ),
        row(
            "with devices",
            "ms CPU/message",
            [(each.whole_cpu, empty.cpu) for each, empty in rounds],
            measured="CPU of all processes for a message sent, pushed, proved and told, in the same rounds",
            compared="CPU of the empty endpoint's request, in the same rounds, without its client",
            parts=cpu_by_kind(sent),
        ),
    ]
