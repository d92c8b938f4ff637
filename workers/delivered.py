"""Storing what relays have proof of, in batches, and telling the senders."""

from collections.abc import Sequence

from db.session import write
from infra import bus
from infra.tasks import Task, app
from messaging.delivered import Proof, store
from messaging.members import peer


@app.task(name=Task.STORE_PROOFS)
def store_proofs(relay_id: str, proofs: Sequence[tuple[int, str, int, int]]) -> None:
    """Store a relay's proofs (user_id, conversation_id, after, upto), tell the senders, and confirm to the relay.

    The senders are told also of a proof that held before: the worker that stored it may have died before it told.
    """
    given = [Proof(*proof) for proof in proofs]
    holding = write(store, given)
    notes = [(bus.user_channel(sender), _ticks(proof)) for proof in holding if (sender := _sender(proof))]
    confirmation = bus.Note({"kind": "confirmed", "proofs": [list(proof) for proof in proofs]})
    bus.publish([*notes, (bus.relay_channel(relay_id), confirmation)])


def _sender(proof: Proof) -> int | None:
    return peer(proof.conversation_id, proof.user_id)


def _ticks(proof: Proof) -> bus.Note:
    content = {"conversation_id": proof.conversation_id, "user_id": proof.user_id, "seq": proof.upto}
    return bus.Note({"kind": "frame", "origin": None}, (bus.frame("delivered", content),))
