"""Outbox events: one class for each kind (of_messages.py, of_views.py), which makes the announcements of the kind."""

from messaging.events.event import Announcement, Event, HiddenPairs
from messaging.events.kinds import event_of
from messaging.events.of_groups import GroupChanged, GroupRead
from messaging.events.of_messages import MessageDeleted, MessageHidden, MessageRecalled, MessageSent
from messaging.events.of_views import ConversationRead, ViewChanged

__all__ = [
    "Announcement",
    "ConversationRead",
    "Event",
    "GroupChanged",
    "GroupRead",
    "HiddenPairs",
    "MessageDeleted",
    "MessageHidden",
    "MessageRecalled",
    "MessageSent",
    "ViewChanged",
    "event_of",
]
