"""The directory that this deployment has: the built-in tables, or, by FRIEND_RPC and USERCENTER_RPC, one outside.

Invariants: an outside directory is asked before or after a transaction, never in it; the built-in tables are asked in
it. While nobody can tell who may talk, nothing is stored; a name is decoration, and an empty one is no error.
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
from messaging.directory import MayTalk, Pair
from messaging.users import profiles

if TYPE_CHECKING:
    from infra.directory import OutsideDirectory


class Listed(Protocol):
    """An answer with conversations in it, which a rule leaves without names."""

    @property
    def views(self) -> Sequence[dict[str, Any]]: ...


P = ParamSpec("P")
L = TypeVar("L", bound=Listed)

Name = tuple[str, str]  # nickname, avatar


class DirectoryUnavailable(DatabaseUnavailable):
    """The outside directory did not answer; nothing was stored."""


def is_outside() -> bool:
    """Whether users and friendships are kept by other services."""
    return bool(settings().friend_rpc)


def asked(pairs: Collection[Pair]) -> frozenset[Pair]:
    """Before a transaction: those who may talk, as far as an outside directory must tell; else the tables will."""
    return frozenset(may_talk(pairs)) if is_outside() else frozenset()


def within(talking: Collection[Pair]) -> MayTalk:
    """In a transaction: the tables, or what `asked` has answered before it."""
    return (lambda _session, _now, pairs: set(talking).intersection(pairs)) if is_outside() else tables.may_talk


def may_talk(pairs: Collection[Pair]) -> set[Pair]:
    """Those of the directed pairs who are friends, neither having blocked the other. Raises DatabaseUnavailable."""
    if not is_outside():
        return read(tables.may_talk, pairs)
    with _outside() as directory:
        return directory.may_talk(pairs)


def talking_friends(user_id: int) -> list[int]:
    """Returns a user's friends, ascending, without those whom they have blocked or who have blocked them.

    Raises DatabaseUnavailable.
    """
    if not is_outside():
        return read(tables.talking_friends, user_id=user_id)
    with _outside() as directory:
        return directory.talking_friends(user_id)


def named(transaction: Callable[[Rule[[], L]], L], rule: Rule[P, L], *args: P.args, **kwargs: P.kwargs) -> L:
    """Returns what the rule answers, with the names and avatars of those whom its conversations are with.

    `transaction` is `read` or `write`.
    """

    def rule_and_names(session: Session, now: datetime) -> L:
        found = rule(session, now, *args, **kwargs)
        if not is_outside():
            _name(found, lambda user_ids: _from_tables(session, user_ids))
        return found

    found = transaction(rule_and_names)
    if is_outside():
        with _outside() as directory:
            _name(found, directory.profiles)
    return found


def _name(found: Listed, names_of: Callable[[Collection[int]], dict[int, Name]]) -> None:
    user_ids = {view["friend_id"] for view in found.views if view["friend_id"]}
    names = names_of(user_ids) if user_ids else {}
    for view in found.views:
        view["name"], view["avatar"] = names.get(view["friend_id"], ("", ""))


def _from_tables(session: Session, user_ids: Collection[int]) -> dict[int, Name]:
    return {id_: (user["nickname"], user["avatar"]) for id_, user in profiles(session, user_ids).items()}


@contextmanager
def _outside() -> Iterator["OutsideDirectory"]:
    from infra.directory import DirectoryAway  # here: who has no outside directory shall not load gRPC

    try:
        yield _connected(settings().friend_rpc, settings().usercenter_rpc)
    except DirectoryAway as error:
        raise DirectoryUnavailable(str(error)) from error


@cache
def _connected(friend_rpc: str, usercenter_rpc: str) -> "OutsideDirectory":
    """Made at first use: after the fork of a worker, never before it."""
    from infra.directory import OutsideDirectory

    return OutsideDirectory(friend_rpc, usercenter_rpc)
