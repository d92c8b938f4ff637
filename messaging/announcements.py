"""The announcements of outbox events, made from the tables as they stand when the events are published."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.base import table
from db.message import Message
from messaging.events import Announcement, event_of
from messaging.hidden import hidden_from
from messaging.members import members
from messaging.message import COLUMNS
from messaging.outbox import Pending
from messaging.parked import Failure, failure

# Built once: putting a statement together costs as much as running it.
_BY_ID = select(*COLUMNS).where(table(Message).c.id.in_(bindparam("ids", expanding=True)))


def announcements(session: Session, events: Sequence[Pending]) -> tuple[list[Announcement], list[Failure]]:
    """Returns the announcements of these events, in their order, and a Failure for each event that has none."""
    ids = {event.message_id for event in events if event.message_id}
    messages = session.execute(_BY_ID, {"ids": list(ids)}).all() if ids else []
    here = members(session, {event.conversation_id for event in events})
    hidden = hidden_from(session, messages, here)
    by_id = {message.id: message for message in messages}
    told: list[Announcement] = []
    failures: list[Failure] = []
    for pending in events:
        try:
            told += event_of(pending).tell(here[pending.conversation_id], by_id.get(pending.message_id), hidden)
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes back each time, and the others must go on
            failures.append(failure(pending, error))
    return told, failures
