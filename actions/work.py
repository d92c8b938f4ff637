"""Work for the workers: what lies ready for them in Redis, and the one task that has them take it.

Whoever has work leaves it, and learns whether a task is promised already. If none is, the promise is theirs: they send
one task once more has come together. What is left before a worker begins with that task is taken by it, whoever left
it, so that any number of processes need one task at a time. Redis may lose all of this: the sweep finds the shards
again (workers/upkeep.py), and relays repeat their proofs (realtime/delivered.py).
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from redis.client import Pipeline

from infra.redis import client
from infra.settings import settings
from infra.tasks import Task, send
from infra.trace import Traced

_GATHER_SECONDS = 0.2  # lists follow within a second, and senders' ticks within 300 ms
_SHARDS = "im:dirty"
_PROOFS = "im:proofs"
_PROMISED = "im:promised"
_PROMISE_SECONDS = 1  # then its task could not be sent, got lost, or waits in a long queue
_MOST_SHARDS = 1_024  # as many as OUTBOX_SHARDS may say
_MOST_LEFT = 1_000  # lists of proofs, the oldest of which go: relays repeat them
_MOST_TAKEN = 10  # lists of proofs: their transactions fit into task_time_limit even when each waits for locks

Proof = list[Any]  # user_id, conversation_id, after, upto


def leave_shards(shards: Sequence[int]) -> bool:
    """Leave shards to be drained. Returns whether the caller has to `call` a worker. Raises RedisError."""
    pipeline = client().pipeline(transaction=False)
    if shards:
        pipeline.sadd(_SHARDS, *shards)
    return _promise(pipeline)


def leave_proofs(relay_id: str, proofs: Sequence[Proof], told: Sequence[Traced] = ()) -> bool:
    """Leave a relay's proofs to be stored. Returns whether the caller has to `call` a worker. Raises RedisError.

    `told` are the messages that they prove whose way is told. Workers of 0.5.0 know nothing of them.
    """
    pipeline = client().pipeline(transaction=False)
    messages = [[[*each] for each in told]] if told else []
    pipeline.rpush(_PROOFS, orjson.dumps([relay_id, proofs, *messages]))
    pipeline.ltrim(_PROOFS, -_MOST_LEFT, -1)
    return _promise(pipeline)


def call() -> None:
    """Send the task that the caller has promised. Raises one of AWAY; the promise then ends by itself."""
    send(Task.WORK)


def bring(
    leave: Callable[[], bool],
    *,
    call: Callable[[], None],
    sleep: Callable[[float], object],
    gather_seconds: float | None = None,
) -> None:
    """Have workers do what `leave` leaves for them, together with what it finds to leave `gather_seconds` later.

    They are 0.2 unless users wait for the drain itself. Raises what `leave` and `call` raise.
    """
    if leave():
        sleep(_gather_seconds() if gather_seconds is None else gather_seconds)
        leave()
        call()


def resume(shards: Sequence[int] = ()) -> None:
    """Have workers go on at once with these shards and with all that lies ready. Raises one of AWAY."""
    if leave_shards(shards):
        call()


def lies_ready() -> bool:
    """Returns whether any work waits for a worker. Raises RedisError."""
    return bool(client().exists(_SHARDS, _PROOFS))


def take_shards() -> list[int]:
    """Keep the promise, and take the shards to drain, in order. Raises RedisError.

    The promise ends first: what is left from now on is promised anew.
    """
    pipeline = client().pipeline(transaction=False)
    pipeline.delete(_PROMISED)
    pipeline.spop(_SHARDS, _MOST_SHARDS)
    return sorted(map(int, pipeline.execute()[-1]))


def take_proofs() -> tuple[list[bytes], bool]:
    """Take lists of proofs, the oldest first. Returns them, and whether there may be more. Raises RedisError."""
    found: Any = client().lpop(_PROOFS, _MOST_TAKEN) or []
    return found, len(found) == _MOST_TAKEN


def _gather_seconds() -> float:
    return _GATHER_SECONDS if settings().fast_publish else 0.0


def _promise(pipeline: Pipeline) -> bool:
    """Have the commands done, last of all the promise. Returns whether it is the caller's, because no other stood."""
    pipeline.set(_PROMISED, 1, nx=True, ex=_PROMISE_SECONDS)
    return bool(pipeline.execute()[-1])
