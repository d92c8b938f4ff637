"""Raising `delivered_seq` and the status of messages once a device has answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Update, and_, bindparam, or_, update
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from messaging import rows
from messaging.members import peer
from messaging.status import Status

_MESSAGES = table(Message)
_AT_ONCE = 32  # ranges in a statement
_NAMES = ("name", "reader", "after", "upto")

_Range = tuple[str, int, int, int]  # conversation_id, who has received, after, upto


@dataclass(frozen=True, slots=True)
class Proof:
    """A device of `user_id` has answered for every message of the conversation in (`after`, `upto`]."""

    user_id: int
    conversation_id: str
    after: int
    upto: int


def store(session: Session, now: datetime, proofs: Sequence[Proof]) -> list[Proof]:
    """Raise `delivered_seq` and statuses by these proofs. Returns the proofs that hold, also those that held before.

    A proof that begins above `delivered_seq` would leave a gap: it raises nothing and is not returned.
    The proof of a user who is no member is passed over in the same way.
    """
    proofs = [proof for proof in proofs if peer(proof.conversation_id, proof.user_id)]
    locked = rows.lock(session, now, {(proof.conversation_id, proof.user_id) for proof in proofs})
    holding: list[Proof] = []
    raised: list[_Range] = []
    changed: dict[rows.RowKey, rows.View] = {}
    for proof in sorted(proofs, key=lambda each: (each.conversation_id, each.user_id, each.after)):
        row = locked[proof.conversation_id, proof.user_id]
        if proof.after > row.delivered_seq:
            continue
        holding.append(proof)
        upto = min(proof.upto, row.last_seq)
        if upto > row.delivered_seq:
            raised.append((proof.conversation_id, proof.user_id, row.delivered_seq, upto))
            row.delivered_seq = upto
            changed[proof.conversation_id, proof.user_id] = row
    for start in range(0, len(raised), _AT_ONCE):
        _raise_status(session, now, raised[start : start + _AT_ONCE])
    rows.write(session, now, list(changed.values()))
    return holding


def _raise_status(session: Session, now: datetime, ranges: Sequence[_Range]) -> None:
    values: dict[str, Any] = {"now": now}
    for number, given in enumerate(ranges):
        values |= {f"{name}_{number}": value for name, value in zip(_NAMES, given, strict=True)}
    session.execute(_raising(len(ranges)), values)


@cache
def _raising(count: int) -> Update:
    """Returns the statement for `count` ranges. Built once: putting it together costs more than running it."""
    ranges = [
        and_(
            _MESSAGES.c.conversation_id == bindparam(f"name_{number}"),
            _MESSAGES.c.from_user_id != bindparam(f"reader_{number}"),
            _MESSAGES.c.seq > bindparam(f"after_{number}"),
            _MESSAGES.c.seq <= bindparam(f"upto_{number}"),
        )
        for number in range(count)
    ]
    now: BindParameter[datetime] = bindparam("now")
    return (
        update(_MESSAGES)
        .where(or_(*ranges), _MESSAGES.c.status < Status.DELIVERED)
        .values(status=Status.DELIVERED, delivered_at=now, update_time=now)
    )
