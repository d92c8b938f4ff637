"""The announcements of outbox events, made from the messages as they stand when the events are published."""

from collections.abc import Sequence

from messaging.events import Announcement, event_of
from messaging.members import Members
from messaging.outbox import Pending
from messaging.parked import Failure, failure
from messaging.subjects import Subjects


def announcements(
    events: Sequence[Pending], members: Members, about: Subjects
) -> tuple[list[Announcement], list[Failure]]:
    """Returns the announcements of these events, in their order, and a Failure for each event that has none.

    `members` are those of their conversations, `about` their messages.
    """
    told: list[Announcement] = []
    failures: list[Failure] = []
    for pending in events:
        try:
            message = about.messages.get(pending.message_id)
            told += event_of(pending).tell(members[pending.conversation_id], message, about.hidden)
        except Exception as error:  # noqa: BLE001 - whatever it is, it comes back each time, and the others must go on
            failures.append(failure(pending, error))
    return told, failures
