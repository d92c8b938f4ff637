"""The directory of this deployment: the built-in tables, or, with FRIEND_RPC and USERCENTER_RPC, an outside service.

Invariants: an outside directory is asked before or after a transaction, never in it; the built-in tables are asked in
it. While the directory cannot say who may talk, nothing is stored; names are decoration, and an empty one is no error.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from sqlalchemy.orm import Session

from db.errors import DatabaseUnavailable
from db.session import Rule, read
from infra.settings import settings
from messaging import directory as tables
from messaging.directory import Known, MayTalk, Pair
from messaging.users import profiles

if TYPE_CHECKING:
    from infra.directory import OutsideDirectory


class Listed(Protocol):
    """An answer of a rule whose conversations, `views`, still lack names and avatars."""

    @property
    def views(self) -> Sequence[dict[str, Any]]: ...


P = ParamSpec("P")
L = TypeVar("L", bound=Listed)
T = TypeVar("T")

User = dict[str, Any]  # the contract's
UsersOf = Callable[[Collection[int]], dict[int, User]]
NOBODY: User = {"id": 0, "username": "", "nickname": "", "avatar": ""}  # whom nobody knows


class DirectoryUnavailable(DatabaseUnavailable):
    """The outside directory did not answer; nothing was stored."""


def is_outside() -> bool:
    """Returns whether an outside directory keeps users and friendships."""
    return bool(settings().friend_rpc)


def asked(pairs: Collection[Pair]) -> frozenset[Pair]:
    """Returns, before a transaction, the pairs that may talk by the outside directory. Without one it returns none.

    Raises DatabaseUnavailable.
    """
    return frozenset(may_talk(pairs)) if is_outside() else frozenset()


def within(talking: Collection[Pair]) -> MayTalk:
    """Returns the `may_talk` for the rule in a transaction: the tables', or one of the pairs that `asked` returned."""
    return Known(talking) if is_outside() else tables.may_talk


def may_talk(pairs: Collection[Pair]) -> set[Pair]:
    """Returns those of the directed pairs that are friends and have not blocked each other.

    Raises DatabaseUnavailable.
    """
    if not is_outside():
        return read(tables.may_talk, pairs)
    with _outside() as directory:
        return directory.may_talk(pairs)


def talking_friends(user_ids: Collection[int]) -> dict[int, list[int]]:
    """Returns the ids of each user's friends, ascending, without friends who are blocked in either direction.

    Raises DatabaseUnavailable.
    """
    if not is_outside():
        return read(tables.talking_friends, user_ids=user_ids)
    with _outside() as directory:
        return {user_id: directory.talking_friends(user_id) for user_id in user_ids}


def named(transaction: Callable[[Rule[[], L]], L], rule: Rule[P, L], *args: P.args, **kwargs: P.kwargs) -> L:
    """Returns the rule's answer, its conversations completed with the names and avatars of the other users.

    `transaction` is `read` or `write`. Raises what it raises, and DatabaseUnavailable for the outside directory.
    """

    def asked_rule(session: Session, now: datetime) -> L:
        return rule(session, now, *args, **kwargs)

    return completed(transaction, asked_rule, _name)


def completed(transaction: Callable[[Rule[[], T]], T], rule: Rule[[], T], complete: Callable[[T, UsersOf], None]) -> T:
    """Returns the rule's answer, after `complete` has completed it. It is given a way to ask for users by their ids.

    `transaction` is `read` or `write`. Raises what it raises, and DatabaseUnavailable for the outside directory.
    """

    def rule_and_users(session: Session, now: datetime) -> T:
        found = rule(session, now)
        if not is_outside():
            complete(found, lambda user_ids: profiles(session, user_ids) if user_ids else {})
        return found

    found = transaction(rule_and_users)
    if is_outside():
        complete(found, _users_outside)
    return found


def _name(found: Listed, users_of: UsersOf) -> None:
    pairs = [view for view in found.views if view["friend_id"]]  # a group has a name of its own
    users = users_of({view["friend_id"] for view in pairs})
    for view in pairs:
        user = users.get(view["friend_id"], NOBODY)
        view["name"], view["avatar"] = user["nickname"], user["avatar"]


def _users_outside(user_ids: Collection[int]) -> dict[int, User]:
    if not user_ids:
        return {}
    with _outside() as directory:
        found = directory.profiles(user_ids)
    return {id_: NOBODY | {"id": id_, "nickname": name, "avatar": avatar} for id_, (name, avatar) in found.items()}


@contextmanager
def _outside() -> Iterator["OutsideDirectory"]:
    from infra.directory import DirectoryAway  # here: a deployment without an outside directory shall not load gRPC

    try:
        yield _connected(settings().friend_rpc, settings().usercenter_rpc)
    except DirectoryAway as error:
        raise DirectoryUnavailable(str(error)) from error


@cache
def _connected(friend_rpc: str, usercenter_rpc: str) -> "OutsideDirectory":
    """Returns the client of the outside directory. It is made at first use: after a worker's fork, never before."""
    from infra.directory import OutsideDirectory

    return OutsideDirectory(friend_rpc, usercenter_rpc)
