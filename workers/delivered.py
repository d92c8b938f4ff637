"""The task that stores the proofs of delivery that relays collect, in batches, and publishes them to the senders."""

from collections.abc import Sequence

from db.session import write
from infra import bus, channels, notes
from infra.tasks import Task, app
from messaging.delivered import Proof, store
from messaging.frame import frame
from messaging.members import peer


@app.task(name=Task.STORE_PROOFS)  # for relays of 0.2.0; those of this release leave their proofs (workers/work.py)
def store_proofs(relay_id: str, proofs: Sequence[tuple[int, str, int, int]]) -> None:
    """Store a relay's proofs (user_id, conversation_id, after, upto), tell the senders, and confirm them to the relay.

    The sender hears also of a proof that held before: the worker that stored it may have died before it published.
    """
    given = [Proof(*proof) for proof in proofs]
    holding = write(store, given)
    ticks = [(channels.of_user(sender), _ticks(proof)) for proof in holding if (sender := _sender(proof))]
    bus.publish([*ticks, (channels.of_relay(relay_id), notes.Confirmed(tuple(proofs)))])


def _sender(proof: Proof) -> int | None:
    return peer(proof.conversation_id, proof.user_id)


def _ticks(proof: Proof) -> notes.Frame:
    content = {"conversation_id": proof.conversation_id, "user_id": proof.user_id, "seq": proof.upto}
    return notes.Frame(frame("delivered", content))
