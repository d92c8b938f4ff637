"""The rows `told`: how much later than the sender's answer the peer has the message, while all users are connected."""

from bench.figures import ROUNDS, Row, row
from bench.online import everybody_connected, over_rest
from bench.rows.send import sustained
from bench.site import Site


def measure(site: Site) -> list[Row]:
    """Returns the rows `told` and `told p99`."""
    with everybody_connected(site) as devices:
        rate = (site.most_sends or sustained(site, site.stack.web_url)) / 2
        site.prepared()
        rounds = [over_rest(site, devices, rate=rate) for _ in range(ROUNDS)]
    parts = {"rate": rate, "messages": [each.count for each in rounds], "cpu_shares": [each.shares for each in rounds]}
    return [
        row(
            "told",
            "ms",
            [(each.p("frame", 0.5), each.p("answer", 0.5)) for each in rounds],
            measured=f"p50 from POST to the frame read by the peer, at {rate:,.0f} sends/s, half the maximum, "
            "1,000 sockets connected and answering",
            compared="p50 from POST to its own 200, of the same messages",
            parts=parts,
        ),
        row(
            "told p99",
            "ms",
            [(each.p("frame", 0.99), each.p("answer", 0.99)) for each in rounds],
            measured="its p99",
            compared="p99 from POST to 200",
            parts={"after_the_answer_p50_ms": [each.p("after", 0.5) for each in rounds]},
        ),
    ]
