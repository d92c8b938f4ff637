"""Replies: what a reader is told of the message that another one answers, its original, by the `reply_to` in `extra`.

It is resolved whenever a message is told, for all messages of an answer together. Only who may see the original learns
more of it than its id and status; status 5 stands for one that they may not see, as a tombstone would. Nothing at all
is told of a message of another conversation: before replies were known, clients put into `extra` what they liked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Row, and_, bindparam, case, func, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows, fly
from db.hidden import Hidden
from db.message import Message
from infra.ids import MAX_ID
from messaging.conversation_id import group_of
from messaging.hidden import hidden_from
from messaging.members import WHOLE, Range
from messaging.message_type import MessageType
from messaging.previews import MOST, preview
from messaging.status import Status

MOST_BYTES = 6 * MOST + 120  # of a Reply as JSON, which spells a character in 6 bytes at most
MOST_BLIND = 1_000  # users; nobody is told the text of an original that more have hidden, but where they read alone
_AT_ONCE = 500  # ids in a statement
_MARK = '"reply_to"'  # in the `extra` of all replies, and of few other messages

Reply = dict[str, Any]  # schemas.Reply
Ranges = Mapping[tuple[int, str], Range]  # what a user may see of a group, by user id and conversation id

# Built once: putting a statement together costs as much as running it.
_MESSAGES, _HIDDEN = table(Message).c, table(Hidden).c
MARKED = _MESSAGES.extra.contains(_MARK, autoescape=True)  # the condition that a message may be a reply
_READ = select(
    *(_MESSAGES[name] for name in ("id", "conversation_id", "seq", "from_user_id", "message_type", "status")),
    func.substr(_MESSAGES.content, 1, MOST + 1).label("content"),
    case((and_(_MESSAGES.message_type == MessageType.FILE, _MESSAGES.content == ""), _MESSAGES.extra)).label("extra"),
).where(_MESSAGES.id.in_(bindparam("ids", expanding=True)))
_BLIND = (
    select(_HIDDEN.user_id, _HIDDEN.message_id)
    .where(_HIDDEN.message_id.in_(bindparam("ids", expanding=True)))
    .order_by(_HIDDEN.message_id)
    .limit(MOST_BLIND + 1)
)


def reply_to(message: Any) -> int | None:
    """Returns the id of the original that a row of a message names; None for no reply, or one that is withdrawn."""
    if not message.extra or _MARK not in message.extra or message.status >= Status.RECALLED:
        return None
    named = orjson.loads(message.extra).get("reply_to")
    is_id = type(named) is int and 1 <= named <= MAX_ID
    return named if is_id and message.message_type != MessageType.SYSTEM else None


@dataclass(frozen=True, slots=True)
class Quote:
    """The `reply` for those of a group who see the message `seq`, but for the `blind`: they have hidden it."""

    reply: Reply
    seq: int
    blind: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Originals:
    """Rows of originals by id, and (user id, original's id) for each of the asked users who has hidden one.

    `unsure` are the originals of which it is not known who has hidden them.
    """

    by_id: Mapping[int, Row[Any]] = field(default_factory=dict)
    hidden: frozenset[tuple[int, int]] = frozenset()
    unsure: frozenset[int] = frozenset()

    def of(self, message: Any) -> Row[Any] | None:
        """Returns the original of a message, if it is one of the same conversation."""
        original = self.by_id.get(reply_to(message) or 0)
        return original if original is not None and original.conversation_id == message.conversation_id else None

    def is_shown(self, original: Row[Any], user_id: int, ranges: Ranges) -> bool:
        """Returns whether a user sees an original, be it recalled or not. Of a pair they must be one of its two."""
        if original.id in self.unsure or (user_id, original.id) in self.hidden:
            return False
        name = original.conversation_id
        seen = WHOLE if group_of(name) is None else ranges.get((user_id, name))
        return seen is not None and seen.holds(original.seq)

    def reply(self, message: Any, *readers: int, ranges: Ranges | None = None) -> Reply | None:
        """Returns the `reply` of a message for a reader who sees it, or for all of several; None if it is none."""
        original = self.of(message)
        if original is None:
            return None
        if all(self.is_shown(original, user_id, ranges or {}) for user_id in readers):
            return _told(original)
        return unseen(original.id)

    def quote(self, message: Any) -> Quote | None:
        """Returns the `reply` of a group's message for those who see its original; None when nobody is told more."""
        original = self.of(message)
        if original is None or original.id in self.unsure or original.status == Status.DELETED:
            return None
        blind = sorted(user_id for user_id, message_id in self.hidden if message_id == original.id)
        return Quote(_told(original), original.seq, tuple(blind))


def unseen(original_id: int) -> Reply:
    """Returns the `reply` for who does not see the original."""
    return {"id": original_id, "status": int(Status.DELETED)}


def without_quote(message: dict[str, Any]) -> dict[str, Any]:
    """Returns a Message as it is told to who does not see its original; one that is no reply as it is."""
    return message | {"reply": unseen(message["reply"]["id"])} if message["reply"] else message


def _told(original: Row[Any]) -> Reply:
    if original.status >= Status.RECALLED:
        return {"id": original.id, "status": original.status}
    return {
        "id": original.id,
        "seq": original.seq,
        "from_user_id": original.from_user_id,
        "message_type": original.message_type,
        "status": original.status,
        "content": preview(original.message_type, original.content, original.extra),
    }


def asking(ids: Iterable[int | None]) -> list[Call]:
    """Returns the calls whose rows `told` takes, for a flight with others: the originals, and who has hidden them.

    None for no ids. More than 500 are not asked for at once.
    """
    parts = _parts(ids)
    return [Call(statement, {"ids": part}) for part in parts for statement in (_READ, _BLIND)]


def told(session: Session, found: Sequence[Rows]) -> Originals:
    """Returns the originals that the calls of `asking` brought. No query, unless very many have hidden some of them."""
    rows = {row.id: row for part in found[::2] for row in part}
    hidden: set[tuple[int, int]] = set()
    unsure: set[int] = set()
    for originals, blind in zip(found[::2], found[1::2], strict=True):
        hidden |= {(row.user_id, row.message_id) for row in blind}
        while len(blind) > MOST_BLIND:  # the last one's may be cut off: they and those behind are asked for again
            last = blind[-1].message_id
            if blind[0].message_id == last:
                unsure.add(last)
            behind = sorted(row.id for row in originals if row.id >= last and row.id not in unsure)
            (blind,) = fly(session, Call(_BLIND, {"ids": behind})) if behind else ([],)
            hidden |= {(row.user_id, row.message_id) for row in blind}
    return Originals(rows, frozenset(hidden), frozenset(unsure))


def originals(session: Session, shown: Mapping[int, Iterable[Any]]) -> Originals:
    """Returns the originals of the messages that are shown to these users: no query, when none of them is a reply."""
    named = {user_id: {reply_to(message) for message in messages} for user_id, messages in shown.items()}
    reading = [Call(_READ, {"ids": part}) for part in _parts(id_ for ids in named.values() for id_ in ids)]
    hiding = [(user_id, hidden_from(user_id, part)) for user_id, ids in named.items() for part in _parts(ids)]
    found = fly(session, *reading, *(call for _, call in hiding))
    rows = {row.id: row for part in found[: len(reading)] for row in part}
    hidden = [
        (user_id, row.message_id)
        for (user_id, _), part in zip(hiding, found[len(reading) :], strict=True)
        for row in part
    ]
    return Originals(rows, frozenset(hidden))


def _parts(ids: Iterable[int | None]) -> list[list[int]]:
    known = sorted({id_ for id_ in ids if id_ is not None})
    return [known[start : start + _AT_ONCE] for start in range(0, len(known), _AT_ONCE)]
