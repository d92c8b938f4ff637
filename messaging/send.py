"""Storing messages: many drafts in one transaction, with an answer for each.

Invariants: a repeat of a key stores nothing; `seq` and `change_seq` are given out under the head's lock; each stored
message has its outbox event in the same transaction.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import orjson
from sqlalchemy import ColumnElement, Insert, Row, Select, String, bindparam, func, insert, literal, select, tuple_
from sqlalchemy import cast as cast_to
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.head import Head
from db.message import Message
from db.outbox import OutboxEvent
from messaging import answering, carrying, heads
from messaging.answering import Answered
from messaging.carrying import Uploads
from messaging.directory import MayTalk, Pair
from messaging.draft import Draft
from messaging.errors import Code, Refused
from messaging.events import MessageSent
from messaging.events.kinds import row_of
from messaging.groups import sending
from messaging.groups.sending import Writers
from messaging.message import COLUMNS, wire
from messaging.replies import Quote
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_MESSAGES, _HEADS, _EVENTS = table(Message), table(Head), table(OutboxEvent)
_REPEATS: Select[Any] = select(*COLUMNS, _MESSAGES.c.body_hash).where(
    tuple_(_MESSAGES.c.from_user_id, _MESSAGES.c.client_msg_id).in_(bindparam("keys", expanding=True))
)
_INSERT = insert(_MESSAGES)
_INSERT_IDS = _INSERT.returning(_MESSAGES.c.id, _MESSAGES.c.conversation_id, _MESSAGES.c.seq)
_STORED = tuple_(_MESSAGES.c.conversation_id, _MESSAGES.c.seq).in_(bindparam("places", expanding=True))
_IDS = select(_MESSAGES.c.id, _MESSAGES.c.conversation_id, _MESSAGES.c.seq).where(_STORED)
# The event of each message, as the outbox would write it, but of columns: the ids need not come back first. The shard
# is a subquery, because MariaDB would rather join the other way round, and read whole conversations.
_SHARD = select(_HEADS.c.shard).where(_HEADS.c.conversation_id == _MESSAGES.c.conversation_id).scalar_subquery()
# The traces come as one JSON object, by places.
_EVENT = row_of(
    MessageSent(
        conversation_id=cast(Any, _MESSAGES.c.conversation_id),
        change_seq=cast(Any, _MESSAGES.c.change_seq),
        message_id=cast(Any, _MESSAGES.c.id),
    ),
    shard=cast(Any, _SHARD),
    now=cast(Any, _MESSAGES.c.create_time),
)
_WHERE = literal('$."') + _MESSAGES.c.conversation_id + " " + cast_to(_MESSAGES.c.seq, String) + '"'
_TRACE = func.json_extract(bindparam("traces", type_=String), _WHERE, type_=String)


def _append(trace: ColumnElement[str]) -> Insert:
    values = _EVENT | {"trace": trace}
    told = (each if isinstance(each, ColumnElement) else literal(each) for each in values.values())
    rows = select(*told).where(_STORED).order_by(_MESSAGES.c.id)
    return insert(_EVENTS).from_select(list(values), rows, include_defaults=False)


_APPEND = {"sqlite": _append(_TRACE), "mysql": _append(func.json_unquote(_TRACE, type_=String))}


@dataclass(frozen=True, slots=True)
class Sent:
    """A stored message, and the outbox shard to poke; `shard` is None for a duplicate.

    `members_seq` is the seq of the last message before it by which members of its group came or went, 0 for pairs. The
    message is told as its sender sees it; `quote` says who else sees what it answers, if anybody does.
    """

    message: dict[str, Any]
    duplicate: bool
    shard: int | None
    members_seq: int = 0
    quote: Quote | None = None


class _Stored(SimpleNamespace):
    """A row just inserted: its columns as attributes, the `shard` of its event, and its head's `members_seq`."""


Columns = dict[str, Any]  # of a row of im_message
Place = tuple[str, int]  # conversation_id and seq of a message
Key = tuple[int, str] | int
Answer = Sent | Refused
Heads = dict[str, heads.LockedHead]
Repeats = dict[Key, Row[Any]]


def send(session: Session, now: datetime, drafts: Sequence[Draft], *, may_talk: MayTalk) -> list[Answer]:
    """Store the drafts that are new and may be sent. Returns an answer for each, in their order.

    The answer is Refused(CLIENT_MSG_ID_REUSED) when the key came before with another body, Refused(NOT_FRIENDS) when
    `may_talk` leaves the pair out, what Writers.refusal says of a group and Uploads.refusal of an upload, otherwise
    Sent. A repeat gets the stored message, also after the friendship or the membership has ended or the upload is gone.
    """
    rows = fly(session, *ask(drafts, may_talk=may_talk, again=True))
    return store(session, now, rows, drafts, may_talk=may_talk, again=True)


def ask(drafts: Sequence[Draft], *, may_talk: MayTalk, again: bool) -> list[Call]:
    """Returns the first calls of `send`: the heads are locked, then repeats looked for, and who may write is asked.

    Last of all uploads are locked. All is asked under the heads' locks, so that a block or a removal committed while
    the transaction waited for them counts. Repeats are rare: unless a draft may come `again`, the unique key is left to
    find them.
    """
    if not drafts:
        return []
    calls = [heads.lock_call({draft.conversation_id for draft in drafts})]
    if again:
        calls.append(_repeats_call(drafts))
    return calls + [call for part in _asking(drafts, may_talk) for call in part]


def store(
    session: Session,
    now: datetime,
    rows: Sequence[Rows],
    drafts: Sequence[Draft],
    *,
    may_talk: MayTalk,
    again: bool,
    asked: Sequence[Draft] | None = None,
) -> list[Answer]:
    """Returns the answers of `send`, of the `rows` that the calls of `ask` brought.

    `asked` are the drafts that `ask` was given, when `drafts` are only some of them. Raises IntegrityError for a
    repeat, unless repeats were looked for `again`.
    """
    if not drafts:
        return []
    found, *others = rows
    keyed = _keyed(drafts)
    repeats = _by_key(others.pop(0)) if again else {}
    told = _Told(session, others, drafts if asked is None else asked, may_talk)
    refusals = {place: refused for place, draft in enumerate(drafts) if (refused := told.refusal(now, draft))}
    if not again:
        repeats = _look_up(session, [drafts[place] for place in refusals])
    first: dict[Key, int] = {}  # the index of the draft to store; a refused draft does not use up its key
    for place, (key, _) in enumerate(keyed):
        if key not in repeats and place not in refusals:
            first.setdefault(key, place)
    storing = [drafts[place] for place in first.values()]
    stored = dict(zip(first, _store(session, now, storing, heads.by_id(found), told), strict=True))
    return [
        _answer(draft, repeats.get(key), stored.get(key), refusals.get(place), told.answered, first.get(key) == place)
        for place, (key, draft) in enumerate(keyed)
    ]


def _asking(drafts: Sequence[Draft], may_talk: MayTalk) -> list[list[Call]]:
    """Returns the calls behind the locks of heads: about pairs, groups, replies and uploads, where there are any.

    Uploads are the last, as their rows are locked after all others.
    """
    pairs = {_pair(draft) for draft in drafts if not draft.group_id}
    about_pairs = may_talk.calls(pairs) if pairs else []
    return [about_pairs, sending.asking(drafts), answering.asking(drafts), carrying.asking(drafts)]


class _Told:
    """What decides whether drafts may be sent, and what it takes to store them."""

    def __init__(self, session: Session, rows: Sequence[Rows], asked: Sequence[Draft], may_talk: MayTalk) -> None:
        """Take the `rows` of the calls of `_asking` for the drafts `asked`."""
        left = iter(rows)
        pairs, of_groups, of_replies, of_uploads = ([next(left) for _ in part] for part in _asking(asked, may_talk))
        self._allowed = may_talk.told(pairs) if any(not draft.group_id for draft in asked) else set()
        self.writers = Writers(asked, of_groups)
        self.uploads = Uploads(asked, of_uploads)
        self.answered = Answered(session, of_replies, self.writers.ranges if of_replies else {})

    def refusal(self, now: datetime, draft: Draft) -> Refused | None:
        """Returns why a draft may not be sent now, or None: it may."""
        if draft.group_id:
            refused = self.writers.refusal(now, draft)
        else:
            refused = None if _pair(draft) in self._allowed else Refused(Code.NOT_FRIENDS)
        return refused or self.answered.refusal(draft) or self.uploads.refusal(draft)


def _pair(draft: Draft) -> Pair:
    return draft.from_user_id, draft.to_user_id


def _keyed(drafts: Sequence[Draft]) -> list[tuple[Key, Draft]]:
    """Returns the drafts with their retry keys. A draft without client_msg_id repeats none: its index is its key."""
    return [
        ((draft.from_user_id, draft.client_msg_id) if draft.client_msg_id is not None else place, draft)
        for place, draft in enumerate(drafts)
    ]


def _look_up(session: Session, drafts: Sequence[Draft]) -> Repeats:
    if all(draft.client_msg_id is None for draft in drafts):
        return {}
    (found,) = fly(session, _repeats_call(drafts))
    return _by_key(found)


def _repeats_call(drafts: Sequence[Draft]) -> Call:
    return Call(_REPEATS, {"keys": [key for key, _ in _keyed(drafts) if isinstance(key, tuple)]})


def _by_key(found: Rows) -> Repeats:
    return {(row.from_user_id, row.client_msg_id): row for row in found}


def _answer(
    draft: Draft,
    repeat: Row[Any] | None,
    stored: _Stored | None,
    refused: Refused | None,
    answered: Answered,
    is_first: bool,
) -> Answer:
    if stored is not None and is_first:
        message = wire(stored, reply=answered.reply(stored))
        return Sent(message, False, stored.shard, stored.members_seq, answered.quote(stored))
    known = repeat or stored
    if known is None:
        return cast(Refused, refused)  # what is neither stored nor known was refused
    if not draft.same_body(known):
        return Refused(Code.CLIENT_MSG_ID_REUSED)
    return Sent(wire(known, reply=answered.reply(known)), duplicate=True, shard=None)


def _store(session: Session, now: datetime, drafts: Sequence[Draft], held: Heads, told: _Told) -> list[_Stored]:
    if not drafts:
        return []
    names = {draft.conversation_id for draft in drafts}
    locked = {name: held[name] for name in names & held.keys()} | heads.create(session, names - held.keys())
    rows = _numbered(drafts, locked, now, told.uploads)
    taken = Counter(row["conversation_id"] for row in rows)
    counted = {draft.conversation_id: taken[draft.conversation_id] for draft in drafts if draft.group_id}
    advanced = heads.advance_call(session, locked.values(), taken, messages=True, counted=counted)
    placed = [(draft, row["seq"]) for draft, row in zip(drafts, rows, strict=True)]
    behind = [
        _appending(session, rows, [draft.trace for draft in drafts]),
        *told.writers.writing(session, now, placed),
        *told.uploads.writing(placed),
    ]
    if session.get_bind().dialect.insert_returning:
        _, inserted, *_ = fly(session, advanced, Call(_INSERT_IDS, rows), *behind)
    else:  # MySQL has no RETURNING: read them back by their unique key
        places = {"places": [_place(row) for row in rows]}
        _, _, inserted, *_ = fly(session, advanced, Call(_INSERT, rows), Call(_IDS, places), *behind)
    ids = {(conversation_id, seq): id_ for id_, conversation_id, seq in inserted}
    return [_stored(ids[_place(row)], row, locked[row["conversation_id"]]) for row in rows]


def _appending(session: Session, rows: Sequence[Columns], traces: Sequence[str | None]) -> Call:
    """Returns the call that adds the event of each of these messages, marked with its request's trace."""
    by_place = {" ".join(map(str, _place(row))): trace for row, trace in zip(rows, traces, strict=True) if trace}
    dialect = "sqlite" if session.get_bind().dialect.name == "sqlite" else "mysql"
    given = {"places": [_place(row) for row in rows], "traces": orjson.dumps(by_place).decode()}
    return Call(_APPEND[dialect], given)


def _stored(id_: int, row: Columns, head: heads.LockedHead) -> _Stored:
    return _Stored(id=id_, shard=head.shard, members_seq=head.members_seq, **row)


def _numbered(drafts: Sequence[Draft], locked: Heads, now: datetime, uploads: Uploads) -> list[Columns]:
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
                "extra": uploads.filled(draft),
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


def _place(row: Columns) -> Place:
    return row["conversation_id"], row["seq"]
