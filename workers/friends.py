"""Telling users of requests and friendships, and new friends of each other's presence. Hints: lists are the truth."""

from functools import partial

from db.session import run
from infra import bus, channels
from infra.notes import Frame
from messaging.frame import frame
from messaging.friends import Event, News, told
from workers import directory
from workers.app import app
from workers.presence import present
from workers.soon import soon


def tell(news: News | None) -> None:
    """After COMMIT: have users told what there is to tell, if anything. Returns at once."""
    if news:
        soon(tell_news, news.event, news.user_id, news.other_id)


def reunite(user_id: int, other_id: int) -> None:
    """After an unblocking: have both told whether the other is online. Returns at once."""
    soon(tell_presence, user_id, other_id)


@app.task(name="presence.tell_news")
def tell_news(event: str, user_id: int, other_id: int) -> None:
    """Tell all connections of whom it concerns; of new friends also who is online."""
    news = News(Event(event), user_id, other_id)
    contents = run(partial(told, news=news), write=False)
    bus.publish((channels.of_user(user), Frame(frame("friend", content))) for user, content in contents.items())
    if contents and news.event is Event.ADDED:
        tell_presence(user_id, other_id)


@app.task(name="presence.tell_presence")
def tell_presence(user_id: int, other_id: int) -> None:
    """Tell two users of each other's presence, if they may talk: of who is online."""
    talking = directory.may_talk({(user_id, other_id), (other_id, user_id)})
    here = present({about for about, _ in talking})
    bus.publish((channels.of_user(to), Frame(here[about])) for about, to in talking if about in here)
