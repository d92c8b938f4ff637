"""The tasks that publish presence: of a user's friends to their new connection, and of a user to their friends."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from actions import directory
from actions.directory import DirectoryUnavailable
from infra import bus, channels, logs, notes, presence
from infra.tasks import Task, app
from messaging.frame import frame

log = logs.get(__name__)

_MOST_ASKED = 1_000  # users that Redis is asked about in one command

Friends = Mapping[int, Sequence[int]]  # by user id
Arrival = tuple[str, int, bool]  # connection id, user id, whether they were away


@app.task(name=Task.WELCOME)
def welcome(relay_id: str, arrivals: Sequence[Arrival]) -> None:
    """Tell new connections of a relay which friends of their users are online.

    The friends of a user who was away learn whether that user is online now. Raises DatabaseUnavailable, RedisError.
    """
    friends = _friends({user_id for _, user_id, _ in arrivals})
    online = _online({*friends, *(each for those in friends.values() for each in those)})
    bus.publish(_greetings(relay_id, arrivals, friends, online))
    bus.publish(_news({user_id: friends[user_id] for _, user_id, was_away in arrivals if was_away}, online))


@app.task(name=Task.ANNOUNCE)
def announce(*user_ids: int) -> None:
    """Tell each user's friends whether that user is online now, which may differ from when the task was sent."""
    bus.publish(_news(_friends(user_ids), _online(user_ids)))


def present(user_ids: Collection[int]) -> dict[int, bytes]:
    """Returns a presence frame for each of the users who is online, by user id. Raises RedisError."""
    return {user_id: _online_frame(user_id) for user_id in _online(user_ids)}


def _greetings(
    relay_id: str, arrivals: Sequence[Arrival], friends: Friends, online: Collection[int]
) -> Iterator[tuple[str, notes.Note]]:
    for connection_id, user_id, _ in arrivals:
        if frames := tuple(_online_frame(friend) for friend in friends[user_id] if friend in online):
            yield channels.of_relay(relay_id), notes.Greeting(connection_id, frames)


def _news(friends: Friends, online: Collection[int]) -> Iterator[tuple[str, notes.Note]]:
    """Yields for each user a note to each of their friends: whether that user is online."""
    away = friends.keys() - online
    last_seen = presence.seen(away) if away else None
    for user_id, those in friends.items():
        note = notes.Frame(_online_frame(user_id) if user_id in online else _frame(user_id, last_seen))
        for friend in those:
            yield channels.of_user(friend), note


def _online(user_ids: Collection[int]) -> set[int]:
    asked = list(user_ids)
    found: set[int] = set()
    for start in range(0, len(asked), _MOST_ASKED):
        found |= presence.online(asked[start : start + _MOST_ASKED])
    return found


def _friends(user_ids: Collection[int]) -> dict[int, list[int]]:
    """Returns the friends who may talk with each user; none if an outside directory is away: the others must go on."""
    if not directory.is_outside():
        return directory.talking_friends(user_ids)
    return {user_id: _friends_outside(user_id) for user_id in user_ids}


def _friends_outside(user_id: int) -> list[int]:
    try:
        return directory.talking_friends([user_id])[user_id]
    except DirectoryUnavailable as error:
        log.warning("presence_not_told", user_id=user_id, reason=str(error))
        return []


def _online_frame(user_id: int) -> bytes:
    return _frame(user_id, None)


def _frame(user_id: int, last_seen: int | None) -> bytes:
    """Returns the frame that says that a user is online, or when they were last seen."""
    return frame("presence", {"user_id": user_id, "online": last_seen is None, "last_seen": last_seen})
