"""Having users told of requests and friendships, after COMMIT. Hints: the lists are the truth."""

from actions.soon import soon
from infra.tasks import Task
from messaging.friends import News


def tell(news: News | None) -> None:
    """Have users told what there is to tell, if anything. Returns at once."""
    if news:
        soon(Task.TELL_NEWS, news.event, news.user_id, news.other_id)


def reunite(user_id: int, other_id: int) -> None:
    """After an unblocking: have both told whether the other is online. Returns at once."""
    soon(Task.TELL_PRESENCE, user_id, other_id)
