"""Tests of when memberships are read, and that none is taken in that was read before its channel was heard."""

import threading
from collections.abc import Callable, Collection, Iterable

import gevent
import pytest
from gevent.event import Event

from db.errors import DatabaseUnavailable
from infra import channels, notes
from messaging.groups.memberships import Membership
from realtime.groups import LINGER_SECONDS, Groups
from realtime.memberships import Memberships
from tests.processes import PATIENCE

ALICE, BOB = 1, 2
ONE, OTHER = "group_1", "group_2"


class Relay:
    """The memberships of a relay, with a database and a Redis that the test replaces."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self.here = {ALICE, BOB}
        self.members: dict[int, set[str]] = {ALICE: {ONE}, BOB: {ONE}}
        self.failure: Exception | None = None
        self.unreadable: set[int] = set()
        self.while_subscribing: Callable[[], object] = lambda: None
        self.read: list[list[int]] = []
        self.after_reading: Callable[[], object] = lambda: None
        self.subscribed: list[list[str]] = []
        self.confirms = True
        self.settled: list[int] = []
        self.groups = Groups(clock=lambda: self.now)
        self.memberships = Memberships(
            self.groups,
            self._subscribe,
            lambda user_id: user_id in self.here,
            self.settled.append,
            reading=self._read,
            clock=lambda: self.now,
            sleep=self._sleep,
        )

    def of(self, user_id: int) -> list[Membership]:
        """Returns the memberships of a user by the database."""
        return [Membership(name, 1, 1) for name in sorted(self.members[user_id])]

    def hear(self, name: str) -> list[int]:
        """Returns who gets a message of a group."""
        return self.groups.audience(notes.GroupMessage(name, 9, ALICE, b"{}"))

    def admit(self, user_id: int) -> bool:
        """Admit who has just read what `hello` says."""
        since = self.groups.mark()
        return self.memberships.admit(user_id, self.of(user_id), since)

    def _read(self, user_ids: Collection[int]) -> dict[int, list[Membership]]:
        self.read.append(list(user_ids))
        if self.failure:
            raise self.failure
        if self.unreadable & set(user_ids):
            raise ZeroDivisionError
        found = {user_id: self.of(user_id) for user_id in user_ids}
        self.after_reading()
        return found

    def _subscribe(self, names: Iterable[str]) -> list[threading.Event]:
        names = list(names)
        self.while_subscribing()
        if names:
            self.subscribed.append(names)
        events = [threading.Event() for _ in names]
        for event in events:
            if self.confirms:
                event.set()
            else:
                self.now += 3  # it is waited for in vain
        return events

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        gevent.sleep(0)


@pytest.fixture
def relay() -> Relay:
    return Relay()


def test_memberships_are_read_anew_once_the_channels_are_confirmed(relay: Relay) -> None:
    assert relay.memberships.settle([ALICE, BOB]) == {ALICE, BOB}
    assert relay.read == [[ALICE, BOB]] * 2
    assert relay.subscribed == [[channels.of_group(ONE)]]
    assert relay.hear(ONE) == [ALICE, BOB]


def test_where_all_channels_are_heard_one_reading_is_enough(relay: Relay) -> None:
    relay.memberships.settle([ALICE])
    relay.read.clear()
    assert relay.memberships.settle([BOB]) == {BOB}
    assert (relay.read, len(relay.subscribed)) == ([[BOB]], 1)


def test_who_left_before_the_confirmation_is_not_taken_in(relay: Relay) -> None:
    def leave() -> None:
        relay.members[BOB] = set()

    relay.after_reading = leave
    assert relay.memberships.settle([ALICE, BOB]) == {ALICE, BOB}
    assert relay.hear(ONE) == [ALICE]


def test_a_group_that_the_second_reading_finds_is_subscribed_to_and_read_again(relay: Relay) -> None:
    def join() -> None:
        relay.members[BOB] = {ONE, OTHER}

    relay.after_reading = join
    assert relay.memberships.settle([ALICE, BOB]) == {ALICE, BOB}
    assert relay.subscribed == [[channels.of_group(ONE)], [channels.of_group(OTHER)]]
    assert relay.read == [[ALICE, BOB], [ALICE, BOB], [BOB]], "only for whom it is not done yet"
    assert relay.hear(OTHER) == [BOB]


def test_without_a_database_nobody_is_settled(relay: Relay) -> None:
    relay.failure = DatabaseUnavailable("away")
    assert relay.memberships.settle([ALICE, BOB]) == set()
    assert relay.read == [[ALICE, BOB]]


def test_who_cannot_be_read_is_settled_without_groups_and_holds_up_nobody(relay: Relay) -> None:
    relay.unreadable = {ALICE}
    assert relay.memberships.settle([ALICE, BOB]) == {ALICE, BOB}
    assert relay.read == [[ALICE, BOB], [ALICE], [BOB], [BOB]], "one by one, and then who is not settled yet"
    assert relay.hear(ONE) == [BOB]


def test_a_database_that_goes_away_while_each_is_read_is_waited_for(relay: Relay) -> None:
    relay.unreadable = {ALICE}
    relay.after_reading = lambda: setattr(relay, "failure", DatabaseUnavailable("away"))
    relay.here = {ALICE, BOB, BOB + 1}
    relay.members[BOB + 1] = set()
    assert relay.memberships.settle(relay.here) == {ALICE}
    assert relay.read == [[ALICE, BOB, BOB + 1], [ALICE], [BOB], [BOB + 1], [BOB, BOB + 1]]


def test_a_group_is_kept_while_a_reading_takes_longer_than_empty_groups_last(relay: Relay) -> None:
    def take_long() -> None:
        relay.now += LINGER_SECONDS + 1
        relay.groups.drop_idle(10)

    relay.after_reading = take_long
    assert relay.memberships.settle([ALICE]) == {ALICE}
    assert relay.hear(ONE) == [ALICE]
    relay.groups.leave(ALICE)
    relay.now += LINGER_SECONDS + 1
    assert relay.groups.drop_idle(10) == [ONE], "no reading is under way any more"


def test_without_a_confirmation_nobody_is_settled(relay: Relay) -> None:
    relay.confirms = False
    assert relay.memberships.settle([ALICE]) == set()
    assert relay.hear(ONE) == []


def test_who_has_gone_meanwhile_is_not_taken_in(relay: Relay) -> None:
    relay.after_reading = relay.here.clear
    assert relay.memberships.settle([ALICE]) == {ALICE}
    assert relay.hear(ONE) == []


def test_who_connects_where_all_channels_are_heard_needs_no_other_reading(relay: Relay) -> None:
    relay.memberships.settle([ALICE])
    relay.read.clear()
    assert relay.admit(BOB)
    assert relay.read == []
    assert relay.hear(ONE) == [ALICE, BOB]


def test_who_is_in_no_group_needs_no_other_reading(relay: Relay) -> None:
    relay.members[BOB] = set()
    assert relay.admit(BOB)
    assert relay.read == []


def test_who_may_have_missed_a_message_since_hello_was_read_is_told_so(relay: Relay) -> None:
    relay.memberships.settle([ALICE])
    since = relay.groups.mark()
    assert relay.hear(ONE) == [ALICE]
    assert not relay.memberships.admit(BOB, relay.of(BOB), since)
    assert relay.hear(ONE) == [ALICE, BOB]


def test_who_connects_to_groups_not_heard_before_waits_for_a_new_reading(relay: Relay) -> None:
    """What they have missed is in their backlog, so nothing else tells them to run it."""
    admitted = gevent.spawn(relay.admit, BOB)
    gevent.idle()
    assert not admitted.ready()
    relay.memberships.step()
    assert admitted.get(timeout=PATIENCE) is False
    assert relay.read == [[BOB]], "hello's was the first"
    assert relay.hear(ONE) == [BOB]


def test_who_asks_is_told_when_it_is_done(relay: Relay) -> None:
    done = [relay.memberships.ask(user_id) for user_id in (BOB, ALICE, BOB)]
    relay.memberships.step()
    assert [event.is_set() for event in done] == [True] * 3
    assert relay.settled == [BOB, ALICE]
    assert relay.read == [[ALICE, BOB]] * 2
    relay.memberships.ask(BOB)
    relay.memberships.step()
    assert relay.settled == [BOB, ALICE, BOB]


def test_who_asks_while_it_is_read_is_read_once_more(relay: Relay) -> None:
    """They may have come into a group after the reading."""
    relay.memberships.settle([ALICE, BOB])
    again: list[Event] = []

    def ask_once_more() -> None:
        relay.after_reading = lambda: None
        again.append(relay.memberships.ask(BOB))

    relay.after_reading = ask_once_more
    relay.memberships.ask(BOB)
    relay.memberships.step()
    assert (relay.settled, again[0].is_set()) == ([BOB], False)
    relay.memberships.step()
    assert (relay.settled, again[0].is_set()) == ([BOB, BOB], True)


def test_what_could_not_be_read_is_tried_again_after_a_pause(relay: Relay) -> None:
    relay.failure = DatabaseUnavailable("away")
    done = relay.memberships.ask(BOB)
    relay.memberships.step()
    assert (done.is_set(), relay.settled) == (False, [])
    assert relay.slept[-1] == 1
    relay.failure = None
    relay.memberships.step()
    assert (done.is_set(), relay.settled) == (True, [BOB])


def test_an_unforeseen_exception_loses_nobody_who_asks(relay: Relay) -> None:
    def stumble() -> None:
        relay.while_subscribing = lambda: None
        raise ZeroDivisionError

    relay.while_subscribing = stumble
    done = relay.memberships.ask(BOB)
    with pytest.raises(ZeroDivisionError):
        relay.memberships.step()
    assert not done.is_set()
    relay.memberships.step()
    assert (done.is_set(), relay.settled) == (True, [BOB])


def test_who_waits_for_a_reading_that_fails_is_not_forgotten_for_who_asks_meanwhile(relay: Relay) -> None:
    waiting = [relay.memberships.ask(BOB)]

    def fail() -> None:
        relay.after_reading = lambda: None
        waiting.append(relay.memberships.ask(BOB))
        raise DatabaseUnavailable("away")

    relay.after_reading = fail
    relay.memberships.step()
    assert [done.is_set() for done in waiting] == [False, False]
    relay.memberships.step()
    assert [done.is_set() for done in waiting] == [True, True]


@pytest.fixture
def many(relay: Relay) -> list[str]:
    """Have Bob be in very many groups, all of them heard, and not yet taken in. Returns the groups' names."""
    relay.members[BOB] = {f"group_{number}" for number in range(1, 2_001)}
    relay.memberships.settle([BOB])
    relay.groups.leave(BOB)
    return sorted(relay.members[BOB])


def amid(relay: Relay, happen: Callable[[], object]) -> None:
    """Have something happen in the middle of taking in what is read next. Bob is in no group after that reading."""

    def read() -> None:
        relay.members[BOB] = set()
        relay.after_reading = lambda: None
        gevent.spawn(later)

    def later() -> None:
        gevent.sleep(0)  # the first piece is taken in meanwhile
        happen()

    relay.after_reading = read


def test_thousands_of_memberships_hold_up_nobody(relay: Relay, many: list[str]) -> None:
    assert relay.slept.count(0) >= 6
    assert max(map(len, relay.subscribed)) == 500
    assert relay.admit(BOB)
    assert relay.slept.count(0) >= 9
    assert [relay.hear(name) for name in many] == [[BOB]] * 2_000


def test_no_membership_survives_a_link_lost_while_thousands_are_taken_in(relay: Relay, many: list[str]) -> None:
    amid(relay, relay.groups.forget)
    assert relay.memberships.settle([BOB]) == {BOB}
    assert [relay.hear(name) for name in many] == [[]] * 2_000


def test_who_goes_while_thousands_are_taken_in_is_not_left_behind(relay: Relay, many: list[str]) -> None:
    def go() -> None:
        relay.here.clear()
        relay.groups.leave(BOB)

    amid(relay, go)
    assert relay.memberships.settle([BOB]) == {BOB}
    assert [relay.hear(name) for name in many] == [[]] * 2_000


def test_who_is_removed_while_thousands_are_taken_in_is_not_taken_in(relay: Relay, many: list[str]) -> None:
    first, last = many[0], many[-1]
    gone = [notes.GroupMessage(name, 2, ALICE, b"{}", membership=True, went=(BOB,)) for name in (first, last)]
    heard: list[list[int]] = []
    amid(relay, lambda: heard.extend(map(relay.groups.audience, gone)))
    assert relay.memberships.settle([BOB]) == {BOB}
    assert heard == [[BOB], []]
    assert [relay.hear(name) for name in (first, last)] == [[], []]


def test_many_who_ask_are_read_in_turns(relay: Relay) -> None:
    relay.here = set(range(120))
    relay.members = {user_id: set() for user_id in relay.here}
    for user_id in relay.here:
        relay.memberships.ask(user_id)
    for _ in range(3):
        relay.memberships.step()
    assert [len(users) for users in relay.read] == [50, 50, 20]


def test_the_loop_turns_though_nobody_asks(relay: Relay) -> None:
    with gevent.Timeout(PATIENCE):
        relay.memberships.step()
    assert relay.read == []
