"""Tests of what the devices of a group's members get live, when members come and go and the relay's link is lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from infra import channels, notes
from tests.device import Device
from tests.journeys import storage
from tests.people import User, Web, answer, befriend, conversations, new_group, new_user, send
from tests.processes import wait_until
from tests.servers import RedisServer
from tests.stack import Stack


class Party:
    """A group of Alice, Bob and Carol on one relay, with a device of each that is online."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.web = Web(stack.web_url)
        self.alice, self.bob, self.carol, self.dave = (new_user(self.web) for _ in range(4))
        for other in (self.bob, self.carol, self.dave):
            befriend(self.web, self.alice, other)
        made = new_group(self.web, self.alice, self.bob, self.carol)
        self.id, self.name = made["id"], made["conversation_id"]
        self.devices: list[Device] = []
        self.of_bob, self.of_carol = self.device(self.bob), self.device(self.carol)

    def device(self, user: User, relay: int = 0) -> Device:
        """Returns another device of a user, online."""
        device = Device(self.stack.realtime_urls[relay], user.token).online()
        self.devices.append(device)
        return device

    def call(self, path: str, actor: User | None = None, **body: Any) -> Any:
        """Call one of the group's calls, by default as its owner. Returns the answer."""
        return answer(self.web.post(f"/group/v1/{path}", {"group_id": self.id} | body, (actor or self.alice).token))

    def say(self, text: str = "hello") -> int:
        """Have Alice write to the group. Returns the message's seq."""
        body = {"group_id": self.id, "content": text}
        return int(answer(self.web.post("/message/v1/send", body, self.alice.token))["message"]["seq"])

    def hears(self, device: Device, *seqs: int) -> None:
        """Wait until a device has got these messages of the group, and fail if it has got others.

        Repeats are left out, and the first message, which some get when they connect.
        """
        device.wait(lambda: set(device.seqs(self.name)) >= set(seqs), f"the messages {seqs}")
        assert [seq for seq in dict.fromkeys(device.seqs(self.name)) if seq > 1] == list(seqs)

    def hears_no_more(self, device: Device, user: User, *seqs: int) -> None:
        """Fail if a device has got other messages of the group than these, once all published so far has come."""
        marker = send(self.web, self.alice, user, "what is published later comes later")
        device.wait(lambda: marker in device.messages, "a message to the user alone")
        self.hears(device, *seqs)

    def delivered(self, user: User, seq: int) -> None:
        """Wait until a device of the user is known to have answered for all up to a message."""
        query = "SELECT delivered_seq FROM im_conversation WHERE conversation_id = :name AND user_id = :user_id"
        found = {"name": self.name, "user_id": user.id}
        wait_until(lambda: storage.rows(self.stack, query, **found) == [(seq,)], f"message {seq} to be delivered")

    def known(self) -> None:
        """Wait until the relay knows as members whom it was told of: before, it passes nothing fast on to them."""
        for one, other in ((self.of_bob, self.of_carol), (self.of_carol, self.of_bob)):
            wait_until(lambda one=one, other=other: _typed(one, other, self.name), "a member to be known")

    def published(self) -> None:
        wait_until(lambda: storage.outbox(self.stack) == 0, "all to be published")


def _typed(one: Device, other: Device, name: str) -> bool:
    """Have one type. Returns whether the other has heard of it, now or before."""
    one.say("typing", {"conversation_id": name})
    return bool(other.of("typing"))


@contextmanager
def cut_off(party: Party) -> Iterator[None]:
    """Have the relay lose all that is published as long as the block runs."""
    relay = party.stack.named("realtime")[0]
    relay.freeze()
    assert redis.Redis.from_url(party.stack.redis_url).execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    yield
    party.published()
    relay.thaw()


@contextmanager
def without_workers(party: Party) -> Iterator[None]:
    """Have no worker run, so that nothing but the fast path publishes."""
    worker = party.stack.named("worker")[0]
    worker.freeze()
    yield
    worker.thaw()


@contextmanager
def published_fast(party: Party) -> Iterator[None]:
    """Wait at the end of the block until a message sent in it has been published on the fast path."""
    with redis.Redis.from_url(party.stack.redis_url).pubsub() as heard:
        heard.subscribe(channels.of_group(party.name))
        yield
        wait_until(lambda: _is_fast(heard.get_message(timeout=1)), "a fast message")


def _is_fast(heard: Any) -> bool:
    return bool(
        heard and heard["type"] == "message" and isinstance(notes.decode(heard["data"]), notes.FastGroupMessage)
    )


@pytest.fixture
def party(stack: Stack) -> Iterator[Party]:
    party = Party(stack)
    yield party
    for device in party.devices:
        device.close()


@pytest.fixture
def own_party(fresh_stack: Stack) -> Party:
    """Returns a party on processes that the test may break."""
    return Party(fresh_stack.start(rpc=0))


def test_who_joins_hears_the_group_from_then_on_on_all_devices(party: Party) -> None:
    devices = [party.device(party.dave), party.device(party.dave)]
    party.say()
    party.call("invite", user_ids=[party.dave.id])
    last = party.say()
    for device in devices:
        party.hears(device, 3, last)
        device.expect("resync")
    assert conversations(party.web, party.dave)[party.name]["first_seq"] == 3


def test_who_is_removed_hears_that_and_nothing_after_it_until_they_are_back(party: Party) -> None:
    party.say()
    party.call("remove", user_ids=[party.bob.id])
    party.say("not for Bob")
    party.hears(party.of_carol, 2, 3, 4)
    party.hears_no_more(party.of_bob, party.bob, 2, 3)
    party.call("invite", user_ids=[party.bob.id])
    party.say()
    party.hears(party.of_bob, 2, 3, 5, 6)
    party.hears(party.of_carol, 2, 3, 4, 5, 6)


def test_who_leaves_hears_nothing_after_it(party: Party) -> None:
    party.call("leave", party.bob)
    party.say("not for Bob")
    party.hears(party.of_carol, 2, 3)
    party.hears_no_more(party.of_bob, party.bob, 2)


def test_members_who_were_away_get_what_is_theirs_when_they_come_back(party: Party) -> None:
    party.say()
    party.delivered(party.bob, 2)
    party.of_bob.close()
    party.call("remove", user_ids=[party.bob.id])
    party.say("not for Bob")
    party.hears(party.of_carol, 2, 3, 4)
    party.hears_no_more(party.device(party.bob), party.bob, 3)


def test_what_all_devices_have_is_delivered_and_does_not_come_again(party: Party) -> None:
    seq = party.say()
    party.delivered(party.bob, seq)
    assert conversations(party.web, party.alice)[party.name]["peer_delivered_seq"] == seq
    party.of_bob.close()
    again = party.device(party.bob)
    party.hears_no_more(again, party.bob)
    assert "delivered" not in {frame["type"] for frame in again.frames + party.of_carol.frames}


def test_a_removal_and_a_join_that_a_cut_link_lost_hold_all_the_same(own_party: Party) -> None:
    party = own_party
    of_dave = party.device(party.dave)
    with cut_off(party):
        party.call("remove", user_ids=[party.bob.id])
        party.call("invite", user_ids=[party.dave.id])
        party.say("not for Bob")
    for device, seqs in ((party.of_carol, (2, 3, 4)), (of_dave, (3, 4)), (party.of_bob, (2,))):
        device.expect("resync")
        party.hears(device, *seqs)
    last = party.say("nor this")
    party.hears(party.of_carol, 2, 3, 4, last)
    party.hears(of_dave, 3, 4, last)
    party.hears_no_more(party.of_bob, party.bob, 2)


def test_what_is_said_and_changed_while_redis_is_dead_reaches_whom_it_must(
    own_party: Party, own_redis: RedisServer
) -> None:
    party = own_party
    own_redis.kill()
    party.say()
    party.call("remove", user_ids=[party.bob.id])
    party.say("not for Bob")
    of_dave = Device(party.stack.realtime_urls[0], party.dave.token)
    of_dave.expect("hello")
    party.call("invite", user_ids=[party.dave.id])
    own_redis.start()
    party.hears(party.of_carol, 2, 3, 4, 5)
    party.hears(of_dave, 5)
    last = party.say("nor this")
    party.hears(party.of_carol, 2, 3, 4, 5, last)
    party.hears(of_dave, 5, last)
    party.hears_no_more(party.of_bob, party.bob, 2, 3)


def test_a_relay_that_is_killed_forgets_nobody(own_party: Party) -> None:
    party = own_party
    relay = party.stack.named("realtime")[0]
    relay.kill()
    party.call("remove", user_ids=[party.bob.id])
    party.say("not for Bob")
    relay.start()
    of_bob, of_carol = party.device(party.bob), party.device(party.carol)
    last = party.say("nor this")
    party.hears(of_carol, 2, 3, last)
    party.hears_no_more(of_bob, party.bob, 2)


def test_members_on_several_relays_hear_the_same(own_party: Party) -> None:
    party = own_party
    party.stack.add("realtime")
    elsewhere = party.device(party.bob, relay=1)
    of_dave = party.device(party.dave, relay=1)
    party.call("invite", user_ids=[party.dave.id])
    party.say()
    party.call("remove", user_ids=[party.bob.id])
    party.say("not for Bob")
    party.hears(of_dave, 2, 3, 4, 5)
    for device in (party.of_bob, elsewhere):
        party.hears_no_more(device, party.bob, 2, 3, 4)


def test_messages_come_fast_and_never_to_who_was_removed_before_them(own_party: Party) -> None:
    """A removal that no worker has published yet is unknown to the relay: it then passes no fast message on."""
    party = own_party
    first = party.say()
    for device in (party.of_bob, party.of_carol):
        party.hears(device, first)
    party.published()
    party.known()
    with without_workers(party):
        fast = party.say()
        for device in (party.of_bob, party.of_carol):
            party.hears(device, first, fast)
        with published_fast(party):
            party.call("remove", user_ids=[party.bob.id])
            party.say("not for Bob")
    party.hears(party.of_carol, first, fast, fast + 1, fast + 2)
    party.hears_no_more(party.of_bob, party.bob, first, fast, fast + 1)


def test_typing_is_told_to_the_other_members(party: Party) -> None:
    of_dave, of_alice = party.device(party.dave), party.device(party.alice)
    again = party.device(party.bob)
    party.of_bob.say("typing", {"conversation_id": party.name})
    told = {"conversation_id": party.name, "user_id": party.bob.id}
    for device in (party.of_carol, of_alice):
        assert device.expect("typing") == [told]
    party.hears_no_more(again, party.bob)
    party.hears_no_more(party.of_bob, party.bob)
    assert not party.of_bob.of("typing") + again.of("typing")
    assert refusals(of_dave, party.name) == [104005]
    party.call("mute", user_ids=[party.bob.id], seconds=60)
    party.call("remove", user_ids=[party.carol.id])
    assert refusals(party.device(party.bob), party.name) == [103008]
    assert refusals(party.device(party.carol), party.name) == [103007]


def refusals(device: Device, conversation_id: str) -> list[int]:
    """Returns the codes with which typing is refused."""
    device.say("typing", {"conversation_id": conversation_id})
    return [error["code"] for error in device.expect("error")]
