"""Raising `delivered_seq`, and in pairs the status of messages, once a device has answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Update, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.head import Head
from db.message import Message
from messaging import rows
from messaging.conversation_id import group_of
from messaging.groups import views
from messaging.members import peer
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_HEADS = table(Head).c
_LAST_SEQS = select(_HEADS.conversation_id, _HEADS.last_seq).where(
    _HEADS.conversation_id.in_(bindparam("names", expanding=True))
)
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

    @property
    def row(self) -> rows.RowKey:
        """Returns the key of the conversation row that it raises."""
        return self.conversation_id, self.user_id


@dataclass(frozen=True, slots=True)
class Stored:
    """The outcome: the proofs that hold, and those of which it is too early to say it. All others raise nothing, ever.

    `holding` includes what held before, and covers only messages that there are.
    """

    holding: list[Proof] = field(default_factory=list)
    early: list[Proof] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Given:
    """Proofs of pairs and of groups, in the order in which they join. Those of strangers are out."""

    pairs: list[Proof]
    groups: list[Proof]

    def calls(self) -> list[Call]:
        """Returns the calls that lock the rows of pairs, then those of groups, and last read the heads."""
        names = sorted({proof.conversation_id for proof in (*self.pairs, *self.groups)})
        heads = [Call(_LAST_SEQS, {"names": names})] if names else []
        return [*self.locking_pairs(), *views.locking({proof.row for proof in self.groups}), *heads]

    def locking_pairs(self) -> list[Call]:
        """Returns the calls that lock the rows of pairs."""
        return rows.locking({proof.row for proof in self.pairs})


def asking(proofs: Sequence[Proof]) -> list[Call]:
    """Returns the calls whose rows `store` needs: they lock the conversation rows, and then read the heads."""
    return _given(proofs).calls()


def store(session: Session, now: datetime, found: Sequence[Rows], *, proofs: Sequence[Proof]) -> Stored:
    """Raise `delivered_seq` and statuses by these proofs. `found` are the rows of `asking`.

    A proof that begins above `delivered_seq` would leave a gap, and raises nothing. The proof of a user who is no
    member is passed over.
    """
    stored = Stored()
    given = _given(proofs)
    if not (given.pairs or given.groups):
        return stored
    *locked, heads = found
    last_seqs = {row.conversation_id: row.last_seq for row in heads}
    of_pairs = len(given.locking_pairs())
    _store_pairs(session, now, given.pairs, rows.views(locked[:of_pairs]), last_seqs, stored)
    _store_groups(session, now, given.groups, views.views(locked[of_pairs:]), last_seqs, stored)
    return stored


def _given(proofs: Sequence[Proof]) -> _Given:
    ordered = sorted(proofs, key=lambda each: (each.conversation_id, each.user_id, each.after))
    return _Given(
        [proof for proof in ordered if peer(proof.conversation_id, proof.user_id)],
        [proof for proof in ordered if group_of(proof.conversation_id) is not None],
    )


def _store_pairs(
    session: Session,
    now: datetime,
    proofs: Sequence[Proof],
    locked: dict[rows.RowKey, rows.View],
    last_seqs: dict[str, int],
    stored: Stored,
) -> None:
    """Raise the rows of pairs and the statuses.

    A device may prove a message that is not applied to its user's row yet: a proof counts up to the head's `last_seq`,
    and a missing row is created. A proof that leaves a gap is early when the user's own messages, which no device
    proves, may fill the gap once they are applied.
    """
    proofs = [proof for proof in proofs if last_seqs.get(proof.conversation_id)]
    locked |= rows.create(session, now, {proof.row for proof in proofs} - locked.keys())
    raised: list[_Range] = []
    changed: dict[rows.RowKey, rows.View] = {}
    for proof in proofs:
        row, last_seq = locked[proof.row], last_seqs[proof.conversation_id]
        upto = min(proof.upto, last_seq)
        if proof.after > row.delivered_seq and row.last_seq < proof.after <= last_seq:
            stored.early.append(proof)
        if proof.after > row.delivered_seq or upto <= proof.after:
            continue
        stored.holding.append(replace(proof, upto=upto))
        if upto > row.delivered_seq:
            raised.append((proof.conversation_id, proof.user_id, row.delivered_seq, upto))
            row.delivered_seq = upto
            changed[proof.row] = row
    fly(session, *_raising_statuses(now, raised))
    rows.write(session, now, list(changed.values()))


def _store_groups(
    session: Session,
    now: datetime,
    proofs: Sequence[Proof],
    locked: dict[views.RowKey, views.GroupView],
    last_seqs: dict[str, int],
    stored: Stored,
) -> None:
    """Raise the rows of those who are or were in the groups, never beyond what they may see. No message is changed.

    None is early: a message that needs no proof from its author has raised their row when it was stored.
    """
    changed: dict[views.RowKey, views.GroupView] = {}
    for proof in proofs:
        row, last_seq = locked.get(proof.row), last_seqs.get(proof.conversation_id, 0)
        if row is None or proof.after > row.received_seq:
            continue
        upto = min(proof.upto, last_seq if row.upto_seq is None else row.upto_seq)
        if upto <= max(proof.after, row.first_seq - 1):
            continue
        stored.holding.append(replace(proof, upto=upto))
        if upto > row.received_seq:
            row.delivered_seq = upto
            changed[proof.row] = row
    if changed:
        fly(session, views.writing(session, now, list(changed.values())))


def _raising_statuses(now: datetime, ranges: Sequence[_Range]) -> list[Call]:
    calls: list[Call] = []
    for start in range(0, len(ranges), _AT_ONCE):
        some = ranges[start : start + _AT_ONCE]
        values: dict[str, Any] = {"now": now}
        for number, given in enumerate(some):
            values |= {f"{name}_{number}": value for name, value in zip(_NAMES, given, strict=True)}
        calls.append(Call(_raising(len(some)), values))
    return calls


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
