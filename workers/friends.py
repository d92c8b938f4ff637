"""The tasks that publish friend requests and friendships, and the presence of new friends to each other."""

from actions import directory
from db.session import read
from infra import bus, channels
from infra.notes import Frame
from infra.tasks import Task, app
from messaging.frame import frame
from messaging.friends import Event, News, told
from workers.presence import present


@app.task(name=Task.TELL_NEWS)
def tell_news(event: str, user_id: int, other_id: int) -> None:
    """Publish a friend event to all connections of the users concerned; if it made friends, also their presence.

    `event` is a value of messaging.friends.Event. An event that has been undone meanwhile is not published.
    """
    news = News(Event(event), user_id, other_id)
    contents = read(told, news=news)
    bus.publish((channels.of_user(user), Frame(frame("friend", content))) for user, content in contents.items())
    if contents and news.event is Event.ADDED:
        tell_presence(user_id, other_id)


@app.task(name=Task.TELL_PRESENCE)
def tell_presence(user_id: int, other_id: int) -> None:
    """Publish to each of two users that the other is online, if that is so and the two may talk."""
    talking = directory.may_talk({(user_id, other_id), (other_id, user_id)})
    here = present({about for about, _ in talking})
    bus.publish((channels.of_user(to), Frame(here[about])) for about, to in talking if about in here)
