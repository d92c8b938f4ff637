"""Typing notices: published to friends at most once a second per conversation and connection, and never stored."""

import time
from collections.abc import Callable

from actions import directory
from infra import bus, channels, notes
from infra.redis import RedisError
from messaging.errors import Code
from messaging.frame import frame
from messaging.members import peer
from realtime.frames import BadFrame

_SECONDS = 1.0
_TRUST_SECONDS = 5.0  # how long a friendship is believed before it is checked again
_MOST_REMEMBERED = 1_000


class Typing:
    """The typing notices that one connection sends."""

    def __init__(self, user_id: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._user_id = user_id
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._allowed: dict[str, tuple[bool, float]] = {}

    def tell(self, conversation_id: str) -> None:
        """Publish `typing` to the other member. Raises BadFrame if the user is no member, or the other no friend."""
        other = peer(conversation_id, self._user_id)
        if other is None:
            raise BadFrame("no such conversation", "typing", Code.NO_SUCH_CONVERSATION)
        now = self._clock()
        if now - self._told_at.get(conversation_id, float("-inf")) < _SECONDS:
            return
        if not self._may_talk(conversation_id, other, now):
            raise BadFrame("not a friend", "typing", Code.NOT_FRIENDS)
        self._remember(conversation_id, now)
        content = {"conversation_id": conversation_id, "user_id": self._user_id}
        try:
            bus.publish([(channels.of_user(other), notes.Typing(frame("typing", content)))])
        except RedisError:
            return  # a lost typing notice does no harm

    def _may_talk(self, conversation_id: str, other: int, now: float) -> bool:
        allowed, asked_at = self._allowed.get(conversation_id, (False, float("-inf")))
        if now - asked_at > _TRUST_SECONDS:
            allowed = bool(directory.may_talk({(self._user_id, other)}))
            self._allowed[conversation_id] = (allowed, now)
        return allowed

    def _remember(self, conversation_id: str, now: float) -> None:
        if len(self._told_at) >= _MOST_REMEMBERED:
            self._told_at.clear()
            self._allowed.clear()
        self._told_at[conversation_id] = now
