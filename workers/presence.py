"""The tasks that publish presence: of a user's friends to their new connection, and of a user to their friends."""

from collections.abc import Collection, Sequence
from typing import Any

from actions import directory
from actions.directory import DirectoryUnavailable
from infra import bus, channels, logs, notes, presence
from infra.tasks import Task, app
from messaging.frame import frame

log = logs.get(__name__)

_MOST_ASKED = 1_000  # users that Redis is asked about in one command

Arrival = tuple[str, int, bool]  # connection id, user id, whether they were away


@app.task(name=Task.WELCOME)
def welcome(relay_id: str, arrivals: Sequence[Arrival]) -> None:
    """Tell new connections of a relay which friends of their users are online.

    The friends of a user who was away learn whether that user is online now. Raises DatabaseUnavailable, RedisError.
    """
    friends = {user_id: _friends(user_id) for _, user_id, _ in arrivals}
    online = _online({*friends, *(each for those in friends.values() for each in those)})
    for connection_id, user_id, was_away in arrivals:
        news: list[tuple[str, notes.Note]] = []
        if frames := tuple(_frame(friend, online=True) for friend in friends[user_id] if friend in online):
            news.append((channels.of_relay(relay_id), notes.Greeting(connection_id, frames)))
        if was_away:
            news += _news(user_id, friends[user_id], online=user_id in online)
        if news:
            bus.publish(news)


@app.task(name=Task.ANNOUNCE)
def announce(*user_ids: int) -> None:
    """Tell each user's friends whether that user is online now, which may differ from when the task was sent."""
    online = _online(user_ids)
    for user_id in user_ids:
        bus.publish(_news(user_id, _friends(user_id), online=user_id in online))


def present(user_ids: Collection[int]) -> dict[int, bytes]:
    """Returns a presence frame for each of the users who is online, by user id. Raises RedisError."""
    return {user_id: _frame(user_id, online=True) for user_id in _online(user_ids)}


def _news(user_id: int, friends: Sequence[int], *, online: bool) -> list[tuple[str, notes.Note]]:
    note = notes.Frame(_frame(user_id, online=online))
    return [(channels.of_user(friend), note) for friend in friends]


def _online(user_ids: Collection[int]) -> set[int]:
    asked = list(user_ids)
    found: set[int] = set()
    for start in range(0, len(asked), _MOST_ASKED):
        found |= presence.online(asked[start : start + _MOST_ASKED])
    return found


def _friends(user_id: int) -> list[int]:
    """Returns the friends who may talk with the user; none if an outside directory is away: the batch must go on."""
    try:
        return directory.talking_friends(user_id)
    except DirectoryUnavailable as error:
        log.warning("presence_not_told", user_id=user_id, reason=str(error))
        return []


def _frame(user_id: int, *, online: bool) -> bytes:
    content: dict[str, Any] = {"user_id": user_id, "online": online}
    return frame("presence", content | {"last_seen": None if online else presence.seen(user_id)})
