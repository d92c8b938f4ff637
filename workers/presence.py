"""Telling friends who is there: a newcomer of all his friends, and his friends of him."""

from typing import Any

from infra import bus, presence
from workers import directory
from workers.app import app


@app.task(name="presence.greet")
def greet(relay_id: str, connection_id: str, user_id: int) -> None:
    """Tell one connection which friends of its user are online."""
    frames = tuple(_frame(friend, online=True) for friend in sorted(presence.online(_friends(user_id))))
    if frames:
        note = bus.Note({"kind": "greeting", "connection_id": connection_id}, frames)
        bus.publish([(bus.relay_channel(relay_id), note)])


@app.task(name="presence.announce")
def announce(user_id: int) -> None:
    """Tell a user's friends whether he is online now, whatever he was when this was asked for."""
    online = user_id in presence.online([user_id])
    note = bus.Note({"kind": "frame", "origin": None}, (_frame(user_id, online=online),))
    bus.publish([(bus.user_channel(friend), note) for friend in _friends(user_id)])


def _friends(user_id: int) -> list[int]:
    """Those who may talk with the user: who is blocked learns nothing of him, nor he of whom he blocked."""
    return directory.talking_friends(user_id)


def _frame(user_id: int, *, online: bool) -> bytes:
    content: dict[str, Any] = {"user_id": user_id, "online": online}
    return bus.frame("presence", content | {"last_seen": None if online else presence.seen(user_id)})
