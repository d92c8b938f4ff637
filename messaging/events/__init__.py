"""Outbox events: a class for each kind in of_messages.py, of_views.py and of_groups.py, which makes its frames."""

from messaging.events.event import Announcement, Event, GroupAnnouncement, HiddenPairs, Quoting, Told
from messaging.events.kinds import event_of
from messaging.events.of_groups import GroupChanged, GroupRead
from messaging.events.of_messages import MessageDeleted, MessageHidden, MessageRecalled, MessageSent, MessageUpdated
from messaging.events.of_views import ConversationRead, ViewChanged

__all__ = [
    "Announcement",
    "ConversationRead",
    "Event",
    "GroupAnnouncement",
    "GroupChanged",
    "GroupRead",
    "HiddenPairs",
    "MessageDeleted",
    "MessageHidden",
    "MessageRecalled",
    "MessageSent",
    "MessageUpdated",
    "Quoting",
    "Told",
    "ViewChanged",
    "event_of",
]
