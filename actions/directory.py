"""The directory that this deployment has: the built-in tables, or, by FRIEND_RPC and USERCENTER_RPC, one outside.

Doors ask here. Invariant: an outside directory is asked before or after a transaction, never in it; the built-in
tables are asked in it. What cannot be told is DirectoryUnavailable, and nothing is stored.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from db.session import read
from infra.settings import settings
from messaging.directory import Answered, BuiltIn, Directory, DirectoryUnavailable, Pair

if TYPE_CHECKING:
    from infra.directory import OutsideDirectory

_tables = BuiltIn()


def is_outside() -> bool:
    """Whether users and friendships are kept by other services."""
    return bool(settings().friend_rpc)


def asked(pairs: Collection[Pair]) -> frozenset[Pair]:
    """Before a transaction: those who may talk, as far as an outside directory must tell; else the tables will."""
    return frozenset(may_talk(pairs)) if is_outside() else frozenset()


def within(talking: Iterable[Pair] = ()) -> Directory:
    """In a transaction: the tables, or what `asked` has answered before it."""
    return Answered(frozenset(talking)) if is_outside() else _tables


def introduce(conversations: Sequence[dict[str, Any]]) -> None:
    """After a transaction: fill in names and avatars that only an outside directory knows."""
    friends = {each["friend_id"] for each in conversations if each["friend_id"]}
    if not is_outside() or not friends:
        return
    with _outside() as directory:
        profiles = directory.profiles(friends)
    for each in conversations:
        each["name"], each["avatar"] = profiles.get(each["friend_id"], (each["name"], each["avatar"]))


def may_talk(pairs: Collection[Pair]) -> set[Pair]:
    """Those of the directed pairs who are friends, neither having blocked the other."""
    if not is_outside():
        return read(lambda session, _now: _tables.may_talk(session, pairs))
    with _outside() as directory:
        return directory.may_talk(pairs)


def talking_friends(user_id: int) -> list[int]:
    """Friends of a user, ascending, without those he has blocked or who have blocked him."""
    if not is_outside():
        return read(lambda session, _now: _from_tables(session, user_id))
    with _outside() as directory:
        return directory.talking_friends(user_id)


def _from_tables(session: Session, user_id: int) -> list[int]:
    return _others(_tables.may_talk(session, {(user_id, friend) for friend in _tables.friends(session, user_id)}))


def _others(pairs: Iterable[Pair]) -> list[int]:
    return sorted(other for _, other in pairs)


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
