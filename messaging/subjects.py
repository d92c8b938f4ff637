"""The messages that a batch of events is about: read once to apply the events, and then only what has changed since."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from db.base import table
from db.flight import Call, Rows
from db.message import Message
from messaging.events import HiddenPairs
from messaging.hidden import hiding
from messaging.message import COLUMNS
from messaging.replies import Originals, asking, reply_to, told
from messaging.status import Status

# Built once: putting a statement together costs as much as running it.
_MESSAGES = table(Message).c
_READ = select(*COLUMNS).where(_MESSAGES.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Subjects:
    """Messages by id, (user id, message id) for each user who has hidden one of them, and what replies `answered`."""

    messages: dict[int, Row[Any]] = field(default_factory=dict)
    hidden: HiddenPairs = field(default_factory=set)
    answered: Originals = field(default_factory=Originals)


def reading(ids: Collection[int]) -> list[Call]:
    """Returns the calls that read the messages with these ids, and who has hidden them."""
    return [Call(_READ, {"ids": list(ids)}), hiding(ids)] if ids else []


def subjects(found: Sequence[Rows]) -> Subjects:
    """Returns what the calls of `reading` answered."""
    *messages, hidden = found or [[]]
    return Subjects(_by_id(messages), _pairs(hidden))


def rereading(known: Subjects) -> list[Call]:
    """Returns the calls that read those messages whose status has risen since they were read, and who has hidden any.

    Those that replies answer, and who has hidden these, are read now alone: nothing else is told of them.
    Nothing else that changes in a message is told with it: `change_seq` rises with the status, or for one user alone.
    """
    by_status = sorted(known.messages.values(), key=lambda message: message.status)
    ids = {status: [each.id for each in some] for status, some in groupby(by_status, lambda each: each.status)}
    ids.pop(Status.DELETED, None)  # the last status
    risen = Call(_risen(tuple(ids)), {f"of_{status}": some for status, some in ids.items()})
    messages = [*([risen] if ids else []), hiding(known.messages)] if known.messages else []
    return [*_asking_answered(known), *messages]


def updated(session: Session, known: Subjects, found: Sequence[Rows]) -> Subjects:
    """Returns the subjects with what the calls of `rereading` answered."""
    if not found:
        return known
    answered = len(_asking_answered(known))
    *messages, hidden = found[answered:]
    return Subjects(known.messages | _by_id(messages), _pairs(hidden), told(session, found[:answered]))


def _by_id(messages: Sequence[Rows]) -> dict[int, Row[Any]]:
    return {message.id: message for some in messages for message in some}


def _pairs(hidden: Rows) -> HiddenPairs:
    return {(row.user_id, row.message_id) for row in hidden}


def _asking_answered(known: Subjects) -> list[Call]:
    return asking(map(reply_to, known.messages.values()))


@cache
def _risen(statuses: tuple[int, ...]) -> Select[Any]:
    """Returns the query for those of the messages `of_1`, which had status 1, with a higher one now; and so on."""
    of = [and_(_MESSAGES.id.in_(bindparam(f"of_{each}", expanding=True)), _MESSAGES.status > each) for each in statuses]
    return select(*COLUMNS).where(or_(*of))
