"""Storing messages: many drafts in one transaction, with an answer for each.

Invariants: a repeat of a key stores nothing; `seq` and `change_seq` are given out under the head's lock; each stored
message has its outbox event in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, Select, bindparam, insert, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from messaging import heads, outbox
from messaging.directory import MayTalk
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.events import MessageSent
from messaging.message import COLUMNS, wire
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_MESSAGES = table(Message)
_REPEATS: Select[Any] = select(*COLUMNS, _MESSAGES.c.body_hash).where(
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


class _Stored(SimpleNamespace):
    """A row just inserted: its columns as attributes, and the `shard` of its event."""


Columns = dict[str, Any]  # of a row of im_message
Place = tuple[str, int]  # conversation_id and seq of a message
Key = tuple[int, str] | int
Answer = Sent | Refused
Heads = dict[str, heads.LockedHead]


def send(session: Session, now: datetime, drafts: Sequence[Draft], *, may_talk: MayTalk) -> list[Answer]:
    """Store the drafts that are new and may be sent. Returns an answer for each, in their order.

    The answer is Refused(CLIENT_MSG_ID_REUSED) when the key came before with another body, Refused(NOT_FRIENDS) when
    `may_talk` leaves the pair out, otherwise Sent. A repeat gets the stored message, also after the friendship ended.
    """
    keyed = _keyed(drafts)
    repeats = _by_key(session, drafts)
    new = [draft for key, draft in keyed if key not in repeats]
    held = heads.lock_known(session, {draft.conversation_id for draft in new})
    # Asked under the locks, so that a block committed while this transaction waited for them counts.
    allowed = may_talk(session, now, {(draft.from_user_id, draft.to_user_id) for draft in new})
    first: dict[Key, int] = {}  # the index of the draft to store; a refused draft does not use up its key
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
    """Returns the drafts with their retry keys. A draft without client_msg_id repeats none: its index is its key."""
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
    if stored is not None and is_first:
        return Sent(wire(stored), duplicate=False, shard=stored.shard)
    known = repeat or stored
    if known is None:
        return Refused(Code.NOT_FRIENDS)
    if not draft.same_body(known):
        return Refused(Code.CLIENT_MSG_ID_REUSED)
    return Sent(wire(known), duplicate=True, shard=None)


def _store(session: Session, now: datetime, drafts: Sequence[Draft], held: Heads) -> list[_Stored]:
    if not drafts:
        return []
    names = {draft.conversation_id for draft in drafts}
    locked = {name: held[name] for name in names & held.keys()} | heads.create(session, names - held.keys())
    rows = _numbered(drafts, locked, now)
    heads.advance(session, locked.values(), Counter(row["conversation_id"] for row in rows), messages=True)
    ids = _insert(session, rows)
    stored = [_Stored(id=ids[_place(row)], shard=locked[row["conversation_id"]].shard, **row) for row in rows]
    outbox.append(
        session,
        now,
        [
            (
                row.shard,
                MessageSent(conversation_id=row.conversation_id, change_seq=row.change_seq, message_id=row.id),
            )
            for row in stored
        ],
    )
    return stored


def _numbered(drafts: Sequence[Draft], locked: Heads, now: datetime) -> list[Columns]:
    """Returns the rows to insert, the messages of each conversation numbered on from its head."""
    taken: Counter[str] = Counter()
    rows: list[Columns] = []
    for draft in drafts:
        name = draft.conversation_id
        taken[name] += 1
        head = locked[name]
        rows.append(
            {
                "conversation_id": name,
                "seq": head.last_seq + taken[name],
                "change_seq": head.change_seq + taken[name],
                "from_user_id": draft.from_user_id,
                "to_user_id": draft.to_user_id,
                "message_type": draft.message_type,
                "content": draft.content,
                "extra": draft.extra,
                "status": Status.SENT,
                "client_msg_id": draft.client_msg_id,
                "body_hash": draft.body_hash,
                "create_time": now,
                "update_time": now,
                "del_state": 0,
                "version": 0,
            }
        )
    return rows


def _insert(session: Session, rows: Sequence[Columns]) -> dict[Place, int]:
    """Insert the rows. Returns their ids by conversation and seq; the ids need not be consecutive."""
    if session.get_bind().dialect.insert_returning:
        inserted = session.execute(_INSERT_IDS, rows)
    else:  # MySQL has no RETURNING: read them back by their unique key
        session.execute(_INSERT, rows)
        inserted = session.execute(_IDS, {"places": [_place(row) for row in rows]})
    return {(conversation_id, seq): id_ for id_, conversation_id, seq in inserted}


def _place(row: Columns) -> Place:
    return row["conversation_id"], row["seq"]
