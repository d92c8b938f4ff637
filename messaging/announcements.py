"""The announcements of outbox events, made from the messages as they stand when the events are published."""

from collections.abc import Sequence
from dataclasses import replace

from messaging.conversation_id import group_of
from messaging.events import Told, event_of
from messaging.members import Members
from messaging.outbox import Pending
from messaging.parked import Failure, failure
from messaging.subjects import Subjects


def announcements(events: Sequence[Pending], members: Members, about: Subjects) -> tuple[list[Told], list[Failure]]:
    """Returns the announcements of these events, in their order, and a Failure for each event that has none.

    `members` are those of their pairs, `about` their messages. A group's members are known to the relays alone.
    """
    told: list[Told] = []
    failures: list[Failure] = []
    for pending in events:
        try:
            message = about.messages.get(pending.message_id)
            pair = () if group_of(pending.conversation_id) else members[pending.conversation_id]
            some = event_of(pending).tell(pair, message, about.hidden, about.answered)
            told += [replace(each, trace=pending.trace) for each in some] if pending.trace else some
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes back each time, and the others must go on
            failures.append(failure(pending, error))
    return told, failures
