"""The directory of a deployment that has a user centre and a friend service of its own: IM-Zero's, over gRPC.

Whether two users may talk is up to a minute old; without an answer, DirectoryAway is raised. A name is decoration:
while the user centre is away the last known one is returned, for a day.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from infra.cache import Cache, FetchTooSlow
from infra.generated import friend_pb2 as friend
from infra.generated import usercenter_pb2 as usercenter
from infra.outside import Service, ServiceAway

_LIST_SECONDS = 2.0
_PROFILE_KEPT_SECONDS = 86_400.0


class DirectoryAway(Exception):
    """A service did not answer, and its answer is in no cache."""


class OutsideDirectory:
    """Asks `friend.Friend` at one address and `pb.usercenter` at another."""

    def __init__(self, friend_address: str, usercenter_address: str) -> None:
        self._friend, self._usercenter = Service(friend_address), Service(usercenter_address)
        self._is_friend = self._friend.method("/friend.Friend/CheckFriendship", friend.CheckFriendshipResp)
        self._is_blocked = self._friend.method("/friend.Friend/CheckBlocked", friend.CheckBlockedResp)
        # The friend service asks the user centre for each friend before it answers.
        self._list = self._friend.method(
            "/friend.Friend/GetFriendList", friend.GetFriendListResp, seconds=_LIST_SECONDS
        )
        # The user centre answers UNKNOWN for a user it does not have.
        self._user = self._usercenter.method("/pb.usercenter/getUserInfo", usercenter.GetUserInfoResp, optional=True)
        self._talking, self._unblocked, self._friends = Cache("talk"), Cache("unblocked"), Cache("friends")
        self._profiles = Cache("user", kept_seconds=_PROFILE_KEPT_SECONDS)

    def may_talk(self, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """Returns the pairs that are friends, neither having blocked the other. Raises DirectoryAway."""
        keys = {f"{one}:{other}": (one, other) for one, other in pairs}
        return {keys[key] for key, may in _cached(self._talking, keys, self._ask_talking).items() if may}

    def profiles(self, user_ids: Collection[int]) -> dict[int, tuple[str, str]]:
        """Returns nickname and avatar by user id; users without a known profile are left out."""
        keys = {str(user): user for user in user_ids}
        try:
            found = _cached(self._profiles, keys, self._ask_profiles)
        except DirectoryAway:
            found = self._profiles.kept(keys.keys())
        return {int(key): (value[0], value[1]) for key, value in found.items() if value}

    def talking_friends(self, user_id: int) -> list[int]:
        """Returns the ids of a user's friends, ascending, except those with whom there is a block, either way.

        Raises DirectoryAway.
        """
        friends: list[int] = _cached(self._friends, {str(user_id): user_id}, self._ask_friends)[str(user_id)]
        keys = {f"{user_id}:{other}": other for other in friends}
        return [keys[key] for key, open_ in _cached(self._unblocked, keys, self._ask_blocks).items() if open_]

    def _ask_talking(self, keys: Sequence[str]) -> dict[str, bool]:
        pairs = _pairs(keys)
        friendships = [friend.CheckFriendshipReq(user_id=one, target_user_id=other) for one, other in pairs]
        blocks = [friend.CheckBlockedReq(user_id=one, target_user_id=other) for one, other in pairs]
        answers = self._friend.ask(
            [(self._is_friend, request) for request in friendships]
            + [(self._is_blocked, request) for request in blocks]
        )
        told = zip(keys, answers[: len(keys)], answers[len(keys) :], strict=True)
        return {key: _may_talk(friendship, blocked) for key, friendship, blocked in told}

    def _ask_blocks(self, keys: Sequence[str]) -> dict[str, bool]:
        """Returns whether each pair of friends is without a block. It trusts the list of friends: half the calls."""
        blocks = [friend.CheckBlockedReq(user_id=one, target_user_id=other) for one, other in _pairs(keys)]
        answers = self._friend.ask([(self._is_blocked, request) for request in blocks])
        return {
            key: answer is not None and not answer.is_blocked and not answer.has_blocked
            for key, answer in zip(keys, answers, strict=True)
        }

    def _ask_profiles(self, keys: Sequence[str]) -> dict[str, Any]:
        answers = self._usercenter.ask([(self._user, usercenter.GetUserInfoReq(id=int(key))) for key in keys])
        return {key: _profile(int(key), answer) for key, answer in zip(keys, answers, strict=True)}

    def _ask_friends(self, keys: Sequence[str]) -> dict[str, list[int]]:
        answers = self._friend.ask([(self._list, friend.GetFriendListReq(user_id=int(key))) for key in keys])
        return {key: _ids(answer) for key, answer in zip(keys, answers, strict=True)}


def _pairs(keys: Sequence[str]) -> list[tuple[int, ...]]:
    return [tuple(map(int, key.split(":"))) for key in keys]


def _cached(cache: Cache, keys: Mapping[str, object], fetch: Any) -> dict[str, Any]:
    try:
        return cache.get(keys.keys(), fetch)
    except (ServiceAway, FetchTooSlow) as error:
        raise DirectoryAway(str(error)) from error


def _may_talk(friendship: Any, blocked: Any) -> bool:
    """Returns whether a pair may talk. A user whom either call does not know (None) may not."""
    if friendship is None or blocked is None:
        return False
    return bool(friendship.is_friend and not blocked.is_blocked and not blocked.has_blocked)


def _profile(user_id: int, answer: Any) -> list[str] | None:
    if answer is None or not answer.HasField("user"):
        return None
    if answer.user.id != user_id:
        raise ServiceAway("the user centre answered with another user")
    return [answer.user.nickname, answer.user.avatar]


def _ids(answer: Any) -> list[int]:
    return sorted({each.user_info.id for each in answer.friends if each.user_info.id > 0}) if answer else []
