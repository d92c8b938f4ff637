"""Who is who, and who may talk to whom: what rules ask, and the answers of the built-in tables.

Invariant: a rule runs in a transaction, so its directory never waits for another service. An outside directory is
asked before the transaction (actions/directory.py), and its answers come in as `Answered`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import bindparam, exists, select, tuple_
from sqlalchemy.orm import Session

from db.base import table
from db.blacklist import Blacklist
from db.errors import DatabaseUnavailable
from db.friend import Friend
from db.user import User

Pair = tuple[int, int]  # from, to

_FRIENDS, _BLOCKS = table(Friend).c, table(Blacklist).c
# Built once: putting it together costs as much as running it.
_MAY_TALK = select(_FRIENDS.user_id, _FRIENDS.friend_id).where(
    tuple_(_FRIENDS.user_id, _FRIENDS.friend_id).in_(bindparam("pairs", expanding=True)),
    # Two subqueries: with one and an OR in it, MariaDB reads the whole blacklist for each pair.
    ~exists().where(_BLOCKS.user_id == _FRIENDS.user_id, _BLOCKS.blocked_id == _FRIENDS.friend_id),
    ~exists().where(_BLOCKS.user_id == _FRIENDS.friend_id, _BLOCKS.blocked_id == _FRIENDS.user_id),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What others see of a user."""

    id: int
    nickname: str
    avatar: str


class DirectoryUnavailable(DatabaseUnavailable):
    """The outside directory did not answer; nothing was stored."""


class Directory(Protocol):
    """Every method raises DatabaseUnavailable when it cannot tell."""

    def may_talk(self, session: Session, pairs: Collection[Pair]) -> set[Pair]:
        """Those of the directed (from, to) pairs who are friends, neither having blocked the other."""
        ...

    def profiles(self, session: Session, user_ids: Collection[int]) -> dict[int, Profile]:
        """Profiles by user id; unknown ids are left out."""
        ...

    def friends(self, session: Session, user_id: int) -> list[int]:
        """Ids of a user's friends, ascending, also of those he has blocked."""
        ...


class BuiltIn:
    """The directory of a deployment that has no user centre of its own."""

    def may_talk(self, session: Session, pairs: Collection[Pair]) -> set[Pair]:
        if not pairs:
            return set()
        return {(row.user_id, row.friend_id) for row in session.execute(_MAY_TALK, {"pairs": sorted(pairs)})}

    def profiles(self, session: Session, user_ids: Collection[int]) -> dict[int, Profile]:
        if not user_ids:
            return {}
        statement = select(User.id, User.nickname, User.avatar).where(User.id.in_(sorted(user_ids)))
        return {row.id: Profile(row.id, row.nickname, row.avatar) for row in session.execute(statement)}

    def friends(self, session: Session, user_id: int) -> list[int]:
        statement = select(Friend.friend_id).where(Friend.user_id == user_id).order_by(Friend.friend_id)
        return list(session.scalars(statement))


class Answered:
    """What an outside directory has said of `talking`, the pairs that may talk; it knows nothing of anybody else."""

    def __init__(self, talking: Collection[Pair] = ()) -> None:
        self._talking = frozenset(talking)

    def may_talk(self, _session: Session, pairs: Collection[Pair]) -> set[Pair]:
        return set(self._talking.intersection(pairs))

    def profiles(self, _session: Session, _user_ids: Collection[int]) -> dict[int, Profile]:
        return {}  # the door names them after the transaction

    def friends(self, _session: Session, _user_id: int) -> list[int]:
        return []
