"""Forwarding: copies of messages that a user can see, to other users and to groups.

Invariant: a repeat is told by the keys and the ids that it names, so that it is answered also when what it copied has
been withdrawn since.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, fly
from db.message import Message
from messaging.draft import Draft, forwarded
from messaging.errors import Code, Refused
from messaging.hidden import hidden_among
from messaging.members import Range, find_ranges
from messaging.message import COLUMNS, wire
from messaging.message_type import MessageType
from messaging.send import Answer, Sent
from messaging.status import Status

MAX_BYTES = 4 * 1024 * 1024  # of all copies: the answer holds them

# Built once: putting a statement together costs as much as running it.
_MESSAGES = table(Message).c
_ORIGINALS = select(*COLUMNS).where(_MESSAGES.id.in_(bindparam("ids", expanding=True)))
_REPEATS = select(*COLUMNS, _MESSAGES.body_hash).where(
    _MESSAGES.from_user_id == bindparam("user_id"), _MESSAGES.client_msg_id.in_(bindparam("keys", expanding=True))
)


class Target(NamedTuple):
    """Where copies go: a user or a group; the other of the two is 0."""

    to_user_id: int
    group_id: int


class Copies(NamedTuple):
    """The copies of a forward, those for the first target first, and the answers to them where these are known."""

    drafts: list[Draft]
    answers: list[Answer] | None = None


def copies(
    session: Session,
    _now: datetime,
    *,
    user_id: int,
    message_ids: Sequence[int],
    targets: Sequence[Target],
    client_msg_id: str | None = None,
) -> Copies:
    """Returns the copies to send. Stores nothing.

    When the user can no longer see all of the messages, but has forwarded them with this `client_msg_id` before, the
    answers are known: what was stored then, and Refused(NO_SUCH_MESSAGE) for copies that were not.
    Raises Refused: INVALID, NO_SUCH_MESSAGE, MESSAGE_TYPE for a message of the system, TOO_LARGE.
    """
    _require_once(user_id, message_ids, targets)
    originals = _visible(session, user_id, message_ids)
    if len(originals) < len(message_ids):
        lost = [Draft(user_id, 0, MessageType.SYSTEM, "", copied_id=id_) for id_ in message_ids]
        drafts = _addressed(lost, targets, client_msg_id)
        return Copies(drafts, _stored_before(session, user_id, drafts))
    if any(message.message_type == MessageType.SYSTEM for message in originals):
        raise Refused(Code.MESSAGE_TYPE)
    drafts = [forwarded(message, user_id) for message in originals]
    if sum(map(_bytes, drafts)) * len(targets) > MAX_BYTES:
        raise Refused(Code.TOO_LARGE, f"the copies hold over {MAX_BYTES} bytes: forward them in parts")
    return Copies(_addressed(drafts, targets, client_msg_id))


def _require_once(user_id: int, message_ids: Sequence[int], targets: Sequence[Target]) -> None:
    for field, named in (("message_ids", message_ids), ("to", targets)):
        if len(set(named)) < len(named):
            raise Refused(Code.INVALID, fields={field: ["Must hold each once."]})
    if any(target.to_user_id == user_id for target in targets):
        raise Refused(Code.INVALID, fields={"to": ["Nobody can send to oneself."]})


def _visible(session: Session, user_id: int, message_ids: Sequence[int]) -> list[Row[Any]]:
    """Returns those of the messages that the user can see and that have not been withdrawn, in this order."""
    (found,) = fly(session, Call(_ORIGINALS, {"ids": list(message_ids)}))
    hidden = hidden_among(session, user_id, found)
    seen = find_ranges(session, names={row.conversation_id for row in found}, user_id=user_id)
    by_id = {
        row.id: row
        for row in found
        if row.status < Status.RECALLED and row.id not in hidden and _holds(seen.get(row.conversation_id), row.seq)
    }
    return [by_id[id_] for id_ in message_ids if id_ in by_id]


def _holds(seen: Range | None, seq: int) -> bool:
    return seen is not None and seen.holds(seq)


def _bytes(draft: Draft) -> int:
    return len(draft.content.encode()) + len((draft.extra or "").encode())


def _addressed(drafts: Sequence[Draft], targets: Sequence[Target], client_msg_id: str | None) -> list[Draft]:
    """Returns the drafts for each target, all of a target together, each with a key of its own."""
    to_all = [replace(draft, **target._asdict()) for target in targets for draft in drafts]
    if client_msg_id is None:
        return to_all
    return [replace(draft, client_msg_id=f"{client_msg_id}.{place}") for place, draft in enumerate(to_all)]


def _stored_before(session: Session, user_id: int, drafts: Sequence[Draft]) -> list[Answer]:
    """Returns the answers to copies that cannot be made any more. Raises Refused(NO_SUCH_MESSAGE) if none is stored."""
    keys = [draft.client_msg_id for draft in drafts if draft.client_msg_id is not None]
    (found,) = fly(session, Call(_REPEATS, {"user_id": user_id, "keys": keys})) if keys else ([],)
    stored = {row.client_msg_id: row for row in found}
    answers: list[Answer] = []
    for draft in drafts:
        row = stored.get(draft.client_msg_id)
        if row is not None and draft.same_body(row):
            answers.append(Sent(wire(row), duplicate=True, shard=None))
        else:
            answers.append(Refused(Code.NO_SUCH_MESSAGE))
    if all(isinstance(answer, Refused) for answer in answers):
        raise Refused(Code.NO_SUCH_MESSAGE)
    return answers
