"""The task that does what lies ready for the workers: it drains dirty shards and stores proofs of delivery."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from actions import work as ready
from infra import logs, trace
from infra.tasks import Task, app
from infra.trace import Traced
from workers.delivered import store_proofs
from workers.outbox import drain

log = logs.get(__name__)

SPELL_SECONDS = 1.0  # of draining in one task: proofs and the tasks of other queues wait so long
_MOST_TOGETHER = 500  # proofs in a transaction


@app.task(name=Task.WORK)
def work() -> None:
    """Drain the shards that lie ready, then store the proofs; another task gets what is left.

    In this order, since a proof may be of a message that is still to be drained. What a worker that dies has taken is
    made good for by the sweep and by the relays, who repeat proofs after 5 s. Raises DatabaseUnavailable, RedisError.
    """
    until = time.monotonic() + SPELL_SECONDS
    shards = ready.take_shards()
    left = drain(shards, until=until) if shards else []
    taken, more = ready.take_proofs()
    if left or more:
        ready.resume(left)  # at once: another worker may go on meanwhile
    began = time.time()
    read = list(filter(None, map(_read, taken)))
    for relay_id, proofs in _by_relay(read):
        store_proofs(relay_id, proofs)
    trace.tell(log, "delivered", list(dict.fromkeys(traced for each in read for traced in each.told)), began=began)


class _Left(NamedTuple):
    """What a relay has left: proofs, and the messages that they prove whose way is told."""

    relay_id: str
    proofs: list[ready.Proof]
    told: list[Traced]


def _by_relay(read: Sequence[_Left]) -> Iterator[tuple[str, list[ready.Proof]]]:
    """Returns each relay's proofs, together as far as a transaction holds them."""
    found: dict[str, list[ready.Proof]] = {}
    for each in read:
        found.setdefault(each.relay_id, []).extend(each.proofs)
    for relay_id, proofs in found.items():
        for start in range(0, len(proofs), _MOST_TOGETHER):
            yield relay_id, proofs[start : start + _MOST_TOGETHER]


def _read(text: bytes) -> _Left | None:
    try:
        relay_id, proofs, *told = orjson.loads(text)
        return _Left(
            str(relay_id),
            [[int(user_id), str(name), int(after), int(upto)] for user_id, name, after, upto in proofs],
            [Traced(int(message_id), parent and str(parent)) for some in told for message_id, parent in some],
        )
    except (ValueError, TypeError, OverflowError):
        log.error("no_proofs")
        return None
