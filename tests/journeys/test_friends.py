"""Tests of which connected users get frames of requests and friendships, and which get none."""

import functools
from typing import Any

import pytest

from tests.device import Device
from tests.journeys.conftest import Deployment
from tests.people import User, Web, answer, befriend, friends, new_user
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack


class Two:
    """Two users who are not friends, each with a device, and Bob with a second one."""

    def __init__(self, service: Deployment) -> None:
        self._service = service
        self.alice, self.bob = new_user(service.web), new_user(service.web)
        self.alices = self.device(self.alice)
        self.bobs, self.bobs_other = self.device(self.bob), self.device(self.bob)

    @property
    def devices(self) -> tuple[Device, Device, Device]:
        return self.alices, self.bobs, self.bobs_other

    def device(self, user: User) -> Device:
        return Device(self._service.sockets, user.token).online()

    def call(self, path: str, user: User, **body: Any) -> Any:
        return answer(self._service.web.post(f"/friend/v1/{path}", body, user.token))

    def befriend(self) -> None:
        befriend(self._service.web, self.alice, self.bob)
        for device in self.devices:
            device.wait(lambda device=device: "added" in events(device), "the friendship")

    def befriend_online(self, user: User) -> User:
        """Make a new user, who is online, a friend of `user`. Returns the new one."""
        other = new_user(self._service.web)
        befriend(self._service.web, other, user)
        self.device(other)
        return other

    def expect_presence(self) -> None:
        """Wait until each device has the frame that the other user is online."""
        for device, other in ((self.alices, self.bob), (self.bobs, self.alice), (self.bobs_other, self.alice)):
            told = online(other)
            device.wait(lambda device=device, told=told: told in device.frames, "the other's presence")

    def settle(self, *users: User) -> None:
        """Wait until users have got all earlier frames: until they get the frame of a request made now."""
        stranger = new_user(self._service.web)
        for user in users:
            self.call("request", stranger, to_user_id=user.id)
        for user, device in ((self.alice, self.alices), (self.bob, self.bobs), (self.bob, self.bobs_other)):
            if user in users:
                device.wait(lambda device=device: stranger.id in senders(device), "the stranger's request")


@pytest.fixture
def two(service: Deployment) -> Two:
    _await_presence(service.web.url, service.sockets)
    return Two(service)


@functools.cache
def _await_presence(web_url: str, sockets: str) -> None:
    """Wait until presence works: a relay started before its Redis counts as alive only some seconds later."""
    devices: list[Device] = []

    def told() -> bool:
        devices.extend(Device(sockets, user.token).online() for user in friends(Web(web_url)))
        return any(device.of("presence") for device in devices)

    wait_until(told, "friends to be told of each other")
    for device in devices:
        device.close()


def online(user: User) -> dict[str, Any]:
    """Returns the frame that says that a user is online. It may come again, from each who had a reason to tell it."""
    return {"type": "presence", "content": {"user_id": user.id, "online": True, "last_seen": None}}


def greeted_with(device: Device, friend: User) -> set[int]:
    """Returns the ids of the users of whom a new device is told by the frame that tells of a friend, or before."""
    device.wait(lambda: online(friend) in device.frames, "the greeting")
    return {frame["user_id"] for frame in device.of("presence")}


def events(device: Device) -> list[str]:
    return [frame["event"] for frame in device.of("friend")]


def senders(device: Device) -> list[int]:
    """Returns the ids of the users whose requests the device was sent."""
    return [frame["user"]["id"] for frame in device.of("friend") if frame["event"] == "requested"]


def wire(user: User) -> dict[str, Any]:
    return {"id": user.id, "username": user.username, "nickname": user.username, "avatar": ""}


def test_a_request_is_told_to_who_is_asked_once(two: Two) -> None:
    number = two.call("request", two.alice, to_user_id=two.bob.id)["request_id"]
    for device in (two.bobs, two.bobs_other):
        assert device.expect("friend") == [{"event": "requested", "user": wire(two.alice), "request_id": number}]
    two.call("request", two.alice, to_user_id=two.bob.id)
    two.settle(two.alice, two.bob)
    for device in (two.bobs, two.bobs_other):
        assert senders(device).count(two.alice.id) == 1
    assert two.bob.id not in senders(two.alices)


@pytest.mark.parametrize("how", ["accept", "asking back"])
def test_a_friendship_is_told_to_both_and_so_is_who_is_online(two: Two, how: str) -> None:
    number = two.call("request", two.alice, to_user_id=two.bob.id)["request_id"]
    if how == "accept":
        two.call("handle", two.bob, request_id=number, action="accept")
    else:
        two.call("request", two.bob, to_user_id=two.alice.id)
    for device, other in ((two.alices, two.bob), (two.bobs, two.alice), (two.bobs_other, two.alice)):
        device.wait(lambda device=device: "added" in events(device), "the friendship")
        assert {"event": "added", "user": wire(other)} in device.of("friend")
    two.expect_presence()


def test_the_end_of_a_friendship_is_told_to_both(two: Two) -> None:
    two.befriend()
    two.call("delete", two.bob, user_id=two.alice.id)
    for device, other in ((two.alices, two.bob), (two.bobs, two.alice), (two.bobs_other, two.alice)):
        device.wait(lambda device=device: "removed" in events(device), "the end")
        assert {"event": "removed", "user": wire(other)} in device.of("friend")
    two.call("delete", two.bob, user_id=two.alice.id)
    two.settle(two.alice, two.bob)
    assert [events(device).count("removed") for device in two.devices] == [1, 1, 1]


def test_a_rejection_and_a_block_are_told_to_nobody(two: Two) -> None:
    number = two.call("request", two.alice, to_user_id=two.bob.id)["request_id"]
    two.call("handle", two.bob, request_id=number, action="reject")
    two.befriend()
    two.expect_presence()
    before = list(two.alices.frames)
    two.call("block", two.bob, user_id=two.alice.id)
    two.settle(two.alice, two.bob)
    assert events(two.alices) == ["added", "requested"], "the friendship, and the stranger's request"
    later = [frame for frame in two.alices.frames[len(before) :] if frame != online(two.bob)]
    assert len(later) == 1


def test_whom_one_has_blocked_may_ask_and_one_is_told_nothing(two: Two) -> None:
    two.call("block", two.bob, user_id=two.alice.id)
    two.call("request", two.alice, to_user_id=two.bob.id)
    two.settle(two.bob)
    assert two.alice.id not in senders(two.bobs) + senders(two.bobs_other)


def test_after_an_unblocking_both_are_told_who_is_online(two: Two) -> None:
    carol = two.befriend_online(two.alice)
    two.befriend()
    two.expect_presence()
    two.call("block", two.bob, user_id=two.alice.id)
    devices: list[Device] = []

    def greeted_without_bob() -> bool:
        devices.append(two.device(two.alice))
        return greeted_with(devices[-1], carol) == {carol.id}

    wait_until(
        greeted_without_bob, "a greeting without Bob: a task from before the block may have told of him until then"
    )
    late = devices[-1]
    two.call("unblock", two.bob, user_id=two.alice.id)
    late.wait(lambda: online(two.bob) in late.frames, "Bob's presence")
    two.bobs.expect("presence", 2)
    assert "unblocked" not in str(late.frames)


def test_who_is_blocked_by_the_other_becomes_a_friend_without_presence(two: Two) -> None:
    """A request back also accepts a request that a block has hidden, and the block stays."""
    two.call("block", two.bob, user_id=two.alice.id)
    two.call("request", two.alice, to_user_id=two.bob.id)
    two.call("request", two.bob, to_user_id=two.alice.id)
    two.settle(two.alice, two.bob)
    for device in two.devices:
        device.wait(lambda device=device: "added" in events(device), "the friendship")
    assert [device.of("presence") for device in two.devices] == [[], [], []]


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_without_redis_friendships_change_all_the_same(fresh_stack: Stack, own_redis: RedisServer, how: str) -> None:
    web = Web(fresh_stack.start(rpc=0, beat=0).web_url)
    one, other = friends(web)
    own_redis.stop() if how == "stopped" else own_redis.freeze()
    answer(web.post("/friend/v1/delete", {"user_id": other.id}, one.token))
    befriend(web, one, other)
    answer(web.post("/friend/v1/block", {"user_id": other.id}, one.token))
    answer(web.post("/friend/v1/unblock", {"user_id": other.id}, one.token))
    own_redis.start() if how == "stopped" else own_redis.thaw()
    device = Device(fresh_stack.realtime_urls[0], other.token).online()

    def told() -> bool:
        stranger = new_user(web)
        answer(web.post("/friend/v1/request", {"to_user_id": other.id}, stranger.token))
        return "requested" in events(device)

    wait_until(told, "requests to be told again")
