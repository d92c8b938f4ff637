"""The task that does what lies ready for the workers: it drains dirty shards and stores proofs of delivery."""

import time
from collections.abc import Iterator, Sequence

import orjson

from actions import work as ready
from infra import logs
from infra.tasks import Task, app
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
    for relay_id, proofs in _by_relay(taken):
        store_proofs(relay_id, proofs)


def _by_relay(taken: Sequence[bytes]) -> Iterator[tuple[str, list[ready.Proof]]]:
    """Returns each relay's proofs, together as far as a transaction holds them."""
    found: dict[str, list[ready.Proof]] = {}
    for relay_id, proofs in filter(None, map(_read, taken)):
        found.setdefault(relay_id, []).extend(proofs)
    for relay_id, proofs in found.items():
        for start in range(0, len(proofs), _MOST_TOGETHER):
            yield relay_id, proofs[start : start + _MOST_TOGETHER]


def _read(text: bytes) -> tuple[str, list[ready.Proof]] | None:
    try:
        relay_id, proofs = orjson.loads(text)
        return str(relay_id), [
            [int(user_id), str(name), int(after), int(upto)] for user_id, name, after, upto in proofs
        ]
    except (ValueError, TypeError, OverflowError):
        log.error("no_proofs")
        return None
