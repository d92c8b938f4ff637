"""Typing notices: published at most once a second per conversation and connection, and never stored."""

import time
from collections.abc import Callable
from typing import TypeVar

from actions import directory
from db.session import read
from infra import bus, channels, notes
from infra.redis import RedisError
from messaging.conversation_id import group_of
from messaging.errors import Code, Refused
from messaging.frame import frame
from messaging.groups.typing import told_as_of
from messaging.members import peer
from realtime.frames import BadFrame

_SECONDS = 1.0
_TRUST_SECONDS = 5.0  # how long a friendship is believed before it is checked again
_TRUST_OF_GROUPS_SECONDS = 1.0  # and a membership: whoever is removed meanwhile may get typing of after that
_MOST_REMEMBERED = 1_000

_Verdict = int | Refused | None  # a group's `members_seq`, 0 for a pair; None: it is told to nobody; or why not
V = TypeVar("V")


class Typing:
    """The typing notices that one connection sends."""

    def __init__(self, user_id: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._user_id = user_id
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._verdicts: dict[str, tuple[_Verdict, float]] = {}

    def tell(self, conversation_id: str) -> None:
        """Publish `typing` to the other member, or to the members of a small group.

        Raises BadFrame if the user is no member or may not write, or if the other is no friend.
        """
        now = self._clock()
        if now - self._told_at.get(conversation_id, float("-inf")) < _SECONDS:
            return
        verdict = self._verdict(conversation_id, now)
        if isinstance(verdict, Refused):
            raise BadFrame(verdict.detail or verdict.code.name, "typing", verdict.code)
        if verdict is None:
            return
        _remember(self._told_at, conversation_id, now)
        try:
            bus.publish([self._note(conversation_id, verdict)])
        except RedisError:
            return  # a lost typing notice does no harm

    def _note(self, conversation_id: str, members_seq: int) -> tuple[str, notes.Note]:
        text = frame("typing", {"conversation_id": conversation_id, "user_id": self._user_id})
        other = peer(conversation_id, self._user_id)
        if other is None:
            note = notes.GroupTyping(conversation_id, self._user_id, members_seq, text)
            return channels.of_group(conversation_id), note
        return channels.of_user(other), notes.Typing(text)

    def _verdict(self, conversation_id: str, now: float) -> _Verdict:
        verdict, asked_at = self._verdicts.get(conversation_id, (None, float("-inf")))
        trusted = _TRUST_SECONDS if group_of(conversation_id) is None else _TRUST_OF_GROUPS_SECONDS
        if now - asked_at > trusted:
            verdict = self._asked(conversation_id)
            _remember(self._verdicts, conversation_id, (verdict, now))
        return verdict

    def _asked(self, conversation_id: str) -> _Verdict:
        if group_of(conversation_id) is not None:
            try:
                return read(told_as_of, conversation_id=conversation_id, user_id=self._user_id)
            except Refused as refused:
                return refused
        other = peer(conversation_id, self._user_id)
        if other is None:
            return Refused(Code.NO_SUCH_CONVERSATION, "no such conversation")
        return 0 if directory.may_talk({(self._user_id, other)}) else Refused(Code.NOT_FRIENDS, "not a friend")


def _remember(among: dict[str, V], conversation_id: str, value: V) -> None:
    if len(among) >= _MOST_REMEMBERED:
        among.clear()
    among[conversation_id] = value
