"""Raising `delivered_seq` and message status once a device has answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.message import Message
from messaging import rows
from messaging.status import Status


@dataclass(frozen=True, slots=True)
class Proof:
    """A device of `user_id` has answered for every message of the conversation in (`after`, `upto`]."""

    user_id: int
    conversation_id: str
    after: int
    upto: int


def store(session: Session, now: datetime, proofs: Sequence[Proof]) -> list[Proof]:
    """Raise what the proofs cover. Answers those that now hold, also when they held before.

    A proof that begins above `delivered_seq` leaves a gap, and raises nothing.
    """
    locked = rows.lock(session, now, {(proof.conversation_id, proof.user_id) for proof in proofs})
    holding, changed = [], {}
    for proof in sorted(proofs, key=lambda each: (each.conversation_id, each.user_id, each.after)):
        row = locked[proof.conversation_id, proof.user_id]
        if proof.after > row.delivered_seq:
            continue
        holding.append(proof)
        upto = min(proof.upto, row.last_seq)
        if upto > row.delivered_seq:
            _raise_status(session, now, proof, after=row.delivered_seq, upto=upto)
            row.delivered_seq = upto
            changed[proof.conversation_id, proof.user_id] = row
    rows.write(session, now, list(changed.values()))
    return holding


def _raise_status(session: Session, now: datetime, proof: Proof, *, after: int, upto: int) -> None:
    session.execute(
        update(Message)
        .where(
            Message.conversation_id == proof.conversation_id,
            Message.seq > after,
            Message.seq <= upto,
            Message.from_user_id != proof.user_id,
            Message.status < Status.DELIVERED,
        )
        .values(status=Status.DELIVERED, delivered_at=now, update_time=now, version=Message.version + 1)
        .execution_options(synchronize_session=False)
    )
