"""What happens in conversations, as outbox events: a class a kind (of_messages.py, of_views.py), with what it tells."""

from messaging.events.event import Announcement, Event, HiddenPairs
from messaging.events.kinds import event_of
from messaging.events.of_messages import MessageDeleted, MessageHidden, MessageRecalled, MessageSent
from messaging.events.of_views import ConversationRead, ViewChanged

__all__ = [
    "Announcement",
    "ConversationRead",
    "Event",
    "HiddenPairs",
    "MessageDeleted",
    "MessageHidden",
    "MessageRecalled",
    "MessageSent",
    "ViewChanged",
    "event_of",
]
