"""The metrics of this door."""

from prometheus_client import Counter, Gauge, Histogram

calls = Counter("im_rpc_calls", "Calls answered", ["method", "caller", "status"])
call_seconds = Histogram("im_rpc_call_seconds", "One call, from its first byte to its answer", ["method"])
running = Gauge("im_rpc_running", "Calls being worked on")
