"""The measurements: one module for each row of the table, or for rows that come from one measurement."""

from collections.abc import Callable

from bench.figures import Row
from bench.rows import (
    connect_storm,
    drain,
    end_to_end,
    group_commit,
    growth,
    memory,
    relay_frames,
    relay_sockets,
    send,
    send_alone,
)
from bench.site import Site

# In this order, because end to end needs the rate that send finds.
GROUPS: dict[tuple[str, ...], Callable[[Site], list[Row]]] = {
    ("send",): send.measure,
    ("send alone",): send_alone.measure,
    ("group commit",): group_commit.measure,
    ("drain",): drain.measure,
    ("end to end", "end to end p99"): end_to_end.measure,
    ("relay frames",): relay_frames.measure,
    ("relay sockets",): relay_sockets.measure,
    ("connect storm",): connect_storm.measure,
    ("growth",): growth.measure,
    ("memory",): memory.measure,
}
