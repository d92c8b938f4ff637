"""Sync: a client says how far it has got, and receives what it missed.

A client holds for each conversation the highest `seq` up to which it has every message, and a `change_seq` up to
which it has every change. It receives all that is above either. Nothing is skipped: a deleted or hidden message comes
as a tombstone, so that a hole always means a loss. An answer that was cut off says `truncated`: the client asks again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.conversation import Conversation
from db.flight import Call, fly
from db.message import Message
from messaging.conversation_id import group_of
from messaging.conversations import PAIR, PairRow, views
from messaging.errors import Code, Refused
from messaging.groups.rows import GroupRow, group_rows
from messaging.hidden import hidden_among
from messaging.members import Range
from messaging.message import COLUMNS, wire
from messaging.replies import Originals, Ranges, originals

MOST_NAMED = 1_000
MOST_CONVERSATIONS = 100
MOST_MESSAGES = 200  # of one conversation: 200 new ones and 200 changed ones

_ROWS = table(Conversation).c
_OF_PAIRS = select(*PAIR).where(
    # The ids of pairs begin with a digit: this is a range of the index that the names are looked up in.
    *(_ROWS.user_id == bindparam("user"), _ROWS.conversation_id < "group_")
)
# Built once: putting a statement together costs as much as running it.
# Not as pairs of user and name: MariaDB takes a second to plan a thousand of them.
_NAMED = _OF_PAIRS.where(_ROWS.conversation_id.in_(bindparam("names", expanding=True)))
_UNNAMED = (
    _OF_PAIRS.where(_ROWS.conversation_id.not_in(bindparam("names", expanding=True)))
    .order_by(_ROWS.conversation_id)
    .limit(MOST_CONVERSATIONS + 1)
)


@dataclass(frozen=True, slots=True)
class Moved:
    """A conversation with new messages or changes.

    `truncated` says to ask again, with the highest seq in `messages`, and the highest change_seq among those that are
    not above the seq asked with: a new message's change_seq says nothing of older changes that did not fit.
    """

    conversation: dict[str, Any]
    messages: list[dict[str, Any]]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Sync:
    """The conversations that moved on. `truncated` says that there are more: ask again, and name these as well."""

    conversations: list[Moved]
    truncated: bool

    @property
    def views(self) -> list[dict[str, Any]]:
        """Returns the conversations to which a name and an avatar are to be added."""
        return [moved.conversation for moved in self.conversations]


def sync(
    session: Session,
    _now: datetime,
    *,
    user_id: int,
    heads: Mapping[str, int],
    changes: Mapping[str, int],
) -> Sync:
    """Returns what the user's client missed, given the seqs (`heads`) and change_seqs (`changes`) that it knows.

    A conversation in neither comes with its newest 200 messages; one without an entry in `changes` with new messages
    only. Raises Refused(INVALID) for more than 1,000 entries.
    """
    names = set(heads) | set(changes)
    if len(names) > MOST_NAMED:
        raise Refused(Code.INVALID, f"at most {MOST_NAMED} entries")
    moved = [
        place
        for place in map(_place, _rows(session, user_id, names))
        if place.name not in names
        or place.last_seq > heads.get(place.name, 0)
        or place.change_seq > changes.get(place.name, place.change_seq)
    ]
    shown = sorted(moved, key=lambda place: (place.name not in names, place.name))[:MOST_CONVERSATIONS]
    found = [_found(session, user_id, place, heads, changes) for place in shown]
    answered = originals(session, {user_id: [message for each in found for message in each.seen]})
    ranges = {(user_id, place.name): Range(place.first_seq, place.last_seq) for place in shown}
    told = zip(found, views(session, user_id, [place.row for place in shown]), strict=True)
    return Sync(
        [Moved(view, each.told(user_id, answered, ranges), each.truncated) for each, view in told],
        truncated=len(moved) > MOST_CONVERSATIONS,
    )


class _Place(NamedTuple):
    """A user's row of a conversation, and what they may see of it: the messages from `first_seq` to `last_seq`."""

    row: PairRow | GroupRow
    name: str
    first_seq: int
    last_seq: int
    change_seq: int


class _Found(NamedTuple):
    """The messages of a conversation that moved on, in their order, and the ids of those that the user has hidden."""

    messages: Sequence[Row[Any]]
    hidden: set[int]
    truncated: bool

    @property
    def seen(self) -> list[Row[Any]]:
        """Returns the messages that the user has not hidden."""
        return [message for message in self.messages if message.id not in self.hidden]

    def told(self, user_id: int, answered: Originals, ranges: Ranges) -> list[dict[str, Any]]:
        """Returns the contract's Messages."""
        return [
            wire(each, hidden=each.id in self.hidden, reply=answered.reply(each, user_id, ranges=ranges))
            for each in self.messages
        ]


def _place(row: PairRow | GroupRow) -> _Place:
    if isinstance(row, GroupRow):
        return _Place(row, row.conversation_id, row.first_seq, row.end_seq, row.change_seq)
    return _Place(row, row.conversation_id, 1, row.last_seq, row.change_seq)


def _rows(session: Session, user_id: int, names: set[str]) -> Iterator[PairRow | GroupRow]:
    """Yields the user's rows of all pairs that are named, of some that are not, and of all groups."""
    pairs = sorted(name for name in names if group_of(name) is None)
    asked = {"user": user_id, "names": pairs}
    for part in fly(session, *([Call(_NAMED, asked)] if pairs else []), Call(_UNNAMED, asked)):
        yield from part
    yield from group_rows(session, [user_id])[user_id]


def _found(
    session: Session, user_id: int, place: _Place, heads: Mapping[str, int], changes: Mapping[str, int]
) -> _Found:
    name, before = place.name, place.first_seq - 1
    named = name in heads or name in changes
    known = max(before, heads.get(name, 0) if named else place.last_seq - MOST_MESSAGES)
    new = _messages(session, name, (Message.seq > known, Message.seq <= place.last_seq), Message.seq)
    changed: Sequence[Row[Any]] = []
    if name in changes:
        changed = _messages(session, name, _changes(place, changes[name], known), Message.change_seq)
    found = [*changed[:MOST_MESSAGES], *new[:MOST_MESSAGES]]
    hidden = hidden_among(session, user_id, found)
    return _Found(
        sorted(found, key=lambda each: each.seq),
        hidden,
        truncated=len(new) > MOST_MESSAGES or len(changed) > MOST_MESSAGES or (not named and known > before),
    )


def _changes(place: _Place, after: int, known: int) -> tuple[ColumnElement[bool], ...]:
    """Returns the conditions for the changes above `after` of the messages up to the seq `known` that the user sees."""
    if not isinstance(place.row, GroupRow):
        return Message.change_seq > after, Message.seq <= known
    # A message's change_seq is at least its seq: this spares a newcomer to a long conversation its beginning, as its
    # end is spared to those who have left.
    since = max(after, place.first_seq - 1)
    seen = (Message.seq >= place.first_seq, Message.seq <= min(known, place.last_seq))
    return Message.change_seq > since, Message.change_seq <= place.change_seq, *seen


def _messages(
    session: Session, name: str, conditions: tuple[ColumnElement[bool], ...], order: Any
) -> Sequence[Row[Any]]:
    statement = select(*COLUMNS).where(Message.conversation_id == name, *conditions)
    return session.execute(statement.order_by(order).limit(MOST_MESSAGES + 1)).all()
