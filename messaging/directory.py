"""Which users may talk to each other, by the built-in tables.

Invariant: a rule runs in a transaction, so it never waits for another service. An outside directory is asked before
the transaction (actions/directory.py), and its answer, `Known`, replaces `may_talk`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import bindparam, exists, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.blacklist import Blacklist
from db.flight import Call, Rows, fly
from db.friend import Friend

Pair = tuple[int, int]  # from, to

_FRIENDS, _BLOCKS = table(Friend).c, table(Blacklist).c
# Built once: putting a statement together costs as much as running it.
_MAY_TALK = select(_FRIENDS.user_id, _FRIENDS.friend_id).where(
    tuple_(_FRIENDS.user_id, _FRIENDS.friend_id).in_(bindparam("pairs", expanding=True)),
    # Two subqueries: with one and an OR in it, MariaDB reads the whole blacklist for each pair.
    ~exists().where(_BLOCKS.user_id == _FRIENDS.user_id, _BLOCKS.blocked_id == _FRIENDS.friend_id),
    ~exists().where(_BLOCKS.user_id == _FRIENDS.friend_id, _BLOCKS.blocked_id == _FRIENDS.user_id),
)
_ALL = select(_FRIENDS.user_id, _FRIENDS.friend_id).where(_FRIENDS.user_id.in_(bindparam("users", expanding=True)))
_PAIRS_AT_ONCE = 1_000


class MayTalk:
    """Says which directed pairs are friends and have not blocked each other, by the tables."""

    def __call__(self, session: Session, _now: datetime, pairs: Collection[Pair]) -> set[Pair]:
        """Returns those of the pairs that may talk."""
        return self.told(fly(session, *self.calls(pairs))) if pairs else set()

    def calls(self, pairs: Collection[Pair]) -> list[Call]:
        """Returns what asks for these pairs, for a flight with others. There must be pairs."""
        return [Call(_MAY_TALK, {"pairs": sorted(pairs)})]

    def told(self, rows: Sequence[Rows]) -> set[Pair]:
        """Returns the pairs that may talk, of the rows that `calls` brought."""
        (found,) = rows
        return {(row.user_id, row.friend_id) for row in found}


class Known(MayTalk):
    """Says what an outside directory has said before the transaction."""

    def __init__(self, talking: Collection[Pair]) -> None:
        self._talking = set(talking)

    def calls(self, _pairs: Collection[Pair]) -> list[Call]:
        """Returns no call: nothing is asked in the transaction."""
        return []

    def told(self, _rows: Sequence[Rows]) -> set[Pair]:
        """Returns all pairs that may talk."""
        return self._talking


may_talk = MayTalk()


def talking_friends(session: Session, now: datetime, *, user_ids: Collection[int]) -> dict[int, list[int]]:
    """Returns the ids of each user's friends, ascending, without friends who are blocked in either direction."""
    friends: dict[int, list[int]] = {user_id: [] for user_id in user_ids}
    (rows,) = fly(session, Call(_ALL, {"users": sorted(friends)})) if friends else ([],)
    # In two steps: asked for all friends of several users, MariaDB may go through the whole blacklist.
    for start in range(0, len(rows), _PAIRS_AT_ONCE):
        pairs = [(row.user_id, row.friend_id) for row in rows[start : start + _PAIRS_AT_ONCE]]
        for user_id, friend_id in may_talk(session, now, pairs):
            friends[user_id].append(friend_id)
    return {user_id: sorted(those) for user_id, those in friends.items()}
