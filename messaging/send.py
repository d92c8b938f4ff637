"""Storing messages: a list of drafts in one transaction, each answered by itself.

Invariants: a repeat of a key stores nothing; `seq` and `change_seq` are given out under the head's lock; whatever is
stored has its outbox event in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from messaging import heads, outbox
from messaging.directory import Directory
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.events import MessageSent
from messaging.message import COLUMNS, wire
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_MESSAGES = table(Message)
_REPEATS = select(*COLUMNS).where(
    tuple_(_MESSAGES.c.from_user_id, _MESSAGES.c.client_msg_id).in_(bindparam("keys", expanding=True))
)
_INSERT = insert(_MESSAGES)
_INSERT_IDS = _INSERT.returning(_MESSAGES.c.id, _MESSAGES.c.conversation_id, _MESSAGES.c.seq)
_IDS = select(_MESSAGES.c.id, _MESSAGES.c.conversation_id, _MESSAGES.c.seq).where(
    tuple_(_MESSAGES.c.conversation_id, _MESSAGES.c.seq).in_(bindparam("places", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message, and the outbox shard to poke; `shard` is None for a duplicate."""

    message: dict[str, Any]
    duplicate: bool
    shard: int | None


@dataclass(slots=True)
class _Stored:
    """A row in the making, with im_message's columns as attributes."""

    from_user_id: int
    to_user_id: int
    conversation_id: str
    message_type: int
    content: str
    extra: str | None
    status: int
    seq: int
    create_time: datetime
    update_time: datetime
    client_msg_id: str | None
    change_seq: int
    id: int = 0
    shard: int = 0


_INSERTED = tuple(name for name in _Stored.__slots__ if name not in ("id", "shard"))

Key = tuple[int, str] | int
Answer = Sent | Refused
Heads = dict[str, heads.LockedHead]


def send(session: Session, now: datetime, drafts: Sequence[Draft], *, directory: Directory) -> list[Answer]:
    """Store the drafts that may be sent and are new; answer each in its place, with Sent or Refused.

    Refused: CLIENT_MSG_ID_REUSED when a key came before with another body, NOT_FRIENDS. A repeat is answered with
    the stored message, also when the two are no longer friends.
    """
    keyed = _keyed(drafts)
    repeats = _by_key(session, drafts)
    new = [draft for key, draft in keyed if key not in repeats]
    held = heads.lock_known(session, {draft.conversation_id for draft in new})
    # Under the locks: a block that was committed while this waited for one counts.
    allowed = directory.may_talk(session, {(draft.from_user_id, draft.to_user_id) for draft in new})
    first: dict[Key, int] = {}  # the place of the draft that is stored; a refused one does not use up its key
    for place, (key, draft) in enumerate(keyed):
        if key not in repeats and (draft.from_user_id, draft.to_user_id) in allowed:
            first.setdefault(key, place)
    storing = [drafts[place] for place in first.values()]
    stored = dict(zip(first, _store(session, now, storing, held), strict=True))
    return [
        _answer(draft, repeats.get(key), stored.get(key), is_first=first.get(key) == place)
        for place, (key, draft) in enumerate(keyed)
    ]


def _keyed(drafts: Sequence[Draft]) -> list[tuple[Key, Draft]]:
    """Drafts with their retry key; one without a client_msg_id is nobody's repeat, so its place stands for it."""
    return [
        ((draft.from_user_id, draft.client_msg_id) if draft.client_msg_id is not None else place, draft)
        for place, draft in enumerate(drafts)
    ]


def _by_key(session: Session, drafts: Sequence[Draft]) -> dict[Key, Row[Any]]:
    keys = [key for key, _ in _keyed(drafts) if isinstance(key, tuple)]
    if not keys:
        return {}
    return {(row.from_user_id, row.client_msg_id): row for row in session.execute(_REPEATS, {"keys": keys})}


def _answer(draft: Draft, repeat: Row[Any] | None, stored: _Stored | None, *, is_first: bool) -> Answer:
    known = repeat or stored
    if known is None:
        return Refused(Code.NOT_FRIENDS)
    if not draft.same_body(known):
        return Refused(Code.CLIENT_MSG_ID_REUSED)
    if stored is not None and is_first:
        return Sent(wire(stored), duplicate=False, shard=stored.shard)
    return Sent(wire(known), duplicate=True, shard=None)


def _store(session: Session, now: datetime, drafts: Sequence[Draft], held: Heads) -> list[_Stored]:
    if not drafts:
        return []
    names = {draft.conversation_id for draft in drafts}
    locked = {name: held[name] for name in names & held.keys()} | heads.create(session, names - held.keys())
    rows = _numbered(drafts, locked, now)
    heads.advance(session, locked.values(), Counter(row.conversation_id for row in rows), messages=True)
    _insert(session, rows)
    outbox.append(
        session,
        now,
        [
            (
                row.shard,
                MessageSent(conversation_id=row.conversation_id, change_seq=row.change_seq, message_id=row.id),
            )
            for row in rows
        ],
    )
    return rows


def _numbered(drafts: Sequence[Draft], locked: Heads, now: datetime) -> list[_Stored]:
    taken: Counter[str] = Counter()
    rows = []
    for draft in drafts:
        name = draft.conversation_id
        taken[name] += 1
        head = locked[name]
        rows.append(
            _Stored(
                from_user_id=draft.from_user_id,
                to_user_id=draft.to_user_id,
                conversation_id=name,
                message_type=draft.message_type,
                content=draft.content,
                extra=draft.extra,
                status=Status.SENT,
                seq=head.last_seq + taken[name],
                create_time=now,
                update_time=now,
                client_msg_id=draft.client_msg_id,
                change_seq=head.change_seq + taken[name],
                shard=head.shard,
            )
        )
    return rows


def _columns(row: _Stored) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _INSERTED} | {"del_state": 0, "version": 0}


def _insert(session: Session, rows: Sequence[_Stored]) -> None:
    """Store the rows and give them their ids, which need not be consecutive."""
    places = {(row.conversation_id, row.seq): row for row in rows}
    columns = [_columns(row) for row in rows]
    if session.get_bind().dialect.insert_returning:
        inserted = session.execute(_INSERT_IDS, columns)
    else:  # MySQL has no RETURNING: read them back by their unique key
        session.execute(_INSERT, columns)
        inserted = session.execute(_IDS, {"places": list(places)})
    for id_, conversation_id, seq in inserted:
        places[conversation_id, seq].id = id_
