"""The state of the deployment as a whole: a worker takes it every 10 s, Redis keeps it, and beat's metrics show it."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from infra.redis import RedisError, client, hasty_client

KEY = "im:snapshot"
KEPT_SECONDS = 60


def keep(taken: dict[str, Any]) -> None:
    """Keep a snapshot for KEPT_SECONDS, with the time of now. Raises RedisError."""
    client().set(KEY, orjson.dumps(taken | {"taken_at": time.time()}), ex=KEPT_SECONDS)


def kept() -> dict[str, Any] | None:
    """Returns the newest snapshot; None when there is none, or Redis does not answer within half a second."""
    try:
        raw = hasty_client().get(KEY)
    except RedisError:
        return None
    found: dict[str, Any] | None = orjson.loads(raw) if isinstance(raw, bytes) else None
    return found


class State(Collector):
    """Shows the newest snapshot. Without one there is nothing to show, which an alert notices."""

    def collect(self) -> Iterator[Metric]:
        """Yields the gauges, from Redis."""
        taken = kept()
        if taken is None or "shards" not in taken:  # by a worker of the release before
            return
        depth = GaugeMetricFamily("im_outbox_depth", "Outbox events that wait", labels=["shard"])
        oldest = GaugeMetricFamily("im_outbox_oldest_seconds", "Age of the oldest event that waits", labels=["shard"])
        for shard, (count, age) in taken["shards"].items():
            depth.add_metric([shard], count)
            oldest.add_metric([shard], age)
        queues = GaugeMetricFamily("im_queue_depth", "Tasks that wait", labels=["queue"])
        for name, length in taken["queues"].items():
            queues.add_metric([name], length)
        yield from (depth, oldest, queues)
        yield GaugeMetricFamily("im_outbox_parked", "Events that were put aside", value=taken["outbox_parked"])
        yield GaugeMetricFamily("im_snapshot_timestamp_seconds", "When these were taken", value=taken["taken_at"])
