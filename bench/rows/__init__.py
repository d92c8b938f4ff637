"""The measurements: one module for each row of the table, or for rows that come from one measurement."""

from collections.abc import Callable

from bench.figures import Row
from bench.rows import (
    after_answer,
    drain,
    everybody_online,
    group_commit,
    group_fan_out,
    group_growth,
    group_send,
    growth,
    lone_message,
    memory,
    over_socket,
    relay_frames,
    relay_sockets,
    send,
    send_alone,
    storm,
    told,
)
from bench.site import Site

# In this order, because `told` needs the rate that `send` finds, and `memory` ends the processes of the others.
GROUPS: dict[tuple[str, ...], Callable[[Site], list[Row]]] = {
    ("send",): send.measure,
    ("send alone",): send_alone.measure,
    ("group commit",): group_commit.measure,
    ("drain",): drain.measure,
    ("told", "told p99"): told.measure,
    ("after the answer",): after_answer.measure,
    ("everybody online", "with devices"): everybody_online.measure,
    ("over the socket",): over_socket.measure,
    ("lone message",): lone_message.measure,
    ("relay frames",): relay_frames.measure,
    ("relay sockets",): relay_sockets.measure,
    ("storm",): storm.measure,
    ("growth",): growth.measure,
    ("group send",): group_send.measure,
    ("group growth",): group_growth.measure,
    ("group fan-out",): group_fan_out.measure,
    ("memory",): memory.measure,
}
