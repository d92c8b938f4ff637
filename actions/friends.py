"""Notifying users of requests and friendships, after COMMIT. A notice may be lost: the stored lists are the truth."""

from actions.soon import soon
from infra.tasks import Task
from messaging.friends import News


def tell(news: News | None) -> None:
    """Have users notified of the news; None does nothing. Returns at once."""
    if news:
        soon(Task.TELL_NEWS, news.event, news.user_id, news.other_id)


def reunite(user_id: int, other_id: int) -> None:
    """Have two users notified, after an unblocking, whether the other one is online. Returns at once."""
    soon(Task.TELL_PRESENCE, user_id, other_id)
