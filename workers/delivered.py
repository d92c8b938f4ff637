"""The task that stores the proofs of delivery that relays collect, in batches, and publishes them to the senders."""

from collections.abc import Sequence
from functools import partial

from db.session import write_at_once
from infra import bus, channels, notes
from infra.tasks import Task, app
from messaging.delivered import Proof, asking, store
from messaging.frame import frame
from messaging.members import peer


@app.task(name=Task.STORE_PROOFS)
def store_proofs(relay_id: str, proofs: Sequence[tuple[int, str, int, int]]) -> None:
    """Store a relay's proofs (user_id, conversation_id, after, upto), tell the senders, and confirm them to the relay.

    The sender hears also of a proof that held before: the worker that stored it may have died before it published. A
    proof that is too early to tell is not confirmed: the relay sends it again.
    """
    given = [Proof(*proof) for proof in proofs]
    stored = write_at_once(asking(given), partial(store, proofs=given))
    ticks = [(channels.of_user(sender), _ticks(proof)) for proof in stored.holding if (sender := _sender(proof))]
    confirmed = tuple(proof for proof in proofs if Proof(*proof) not in stored.early)
    bus.publish([*ticks, (channels.of_relay(relay_id), notes.Confirmed(confirmed))])


def _sender(proof: Proof) -> int | None:
    return peer(proof.conversation_id, proof.user_id)


def _ticks(proof: Proof) -> notes.Frame:
    content = {"conversation_id": proof.conversation_id, "user_id": proof.user_id, "seq": proof.upto}
    return notes.Frame(frame("delivered", content))
