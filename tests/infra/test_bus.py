"""Tests that notes cross Redis whole and in order, and that every loss of the link is noticed."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from redis import Redis
from redis.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeout

from infra import bus, channels
from infra.bus import Listener
from infra.metrics import loop_stumbles, notes_dropped
from infra.notes import Frame, Heartbeat, Note
from infra.redis import RedisError, client
from tests.processes import PATIENCE, wait_until
from tests.servers import RedisServer

OWN = channels.of_relay("relay")
SILENCE_SECONDS = 6.0  # a link that is silent this long is lost
MOST_AT_A_STRETCH = 250
HEART = "the heart"  # the thread that publishes heartbeats


class _Ended(BaseException):
    """Raised to end a loop that would never end."""


class Clock:
    """A listener's clock, which the test moves, and its sleep, shortened twentyfold."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.when_pausing: Callable[[], object] = lambda: None
        self._ended = threading.Event()

    def monotonic(self) -> float:
        if self._ended.is_set():
            raise _Ended
        return self.now

    def sleep(self, seconds: float) -> None:
        self.when_pausing()
        if self._ended.wait(seconds / 20):
            raise _Ended

    def end(self) -> None:
        self._ended.set()


class Relay:
    """A listener with both its loops in threads, and a record of what it has heard."""

    def __init__(self, **injected: Any) -> None:
        self.heard: list[tuple[str, Note]] = []
        self.restored = 0
        self.clock = Clock()
        self.when_noted: Callable[[Note], object] = lambda _: None
        self.when_restored: Callable[[], object] = lambda: None
        self._changed = threading.Condition()
        injected = {"clock": self.clock.monotonic, "sleep": self.clock.sleep} | injected
        self.listener = Listener(OWN, self._on_note, self._on_restored, **injected)
        self._threads = [
            threading.Thread(target=self._until_ended, args=(loop,), name=name, daemon=True)
            for name, loop in (("the ear", self.listener.run), (HEART, self.listener.beat))
        ]

    def start(self) -> "Relay":
        for thread in self._threads:
            thread.start()
        return self

    def wait_restored(self, times: int) -> None:
        """Wait until the link has been restored that many times."""
        self._wait(lambda: self.restored >= times, f"restored {self.restored} times of {times}")

    def wait_heard(self, count: int) -> list[Any]:
        """Wait for `count` notes. Returns the number that each carries."""
        self._wait(lambda: len(self.heard) >= count, f"heard {self.heard}")
        return [number_of(note) for _, note in self.heard]

    def subscribe(self, channel: str) -> threading.Event:
        return self.listener.subscribe(channel)

    def end(self) -> None:
        self.clock.end()
        with suppress(RedisError):
            bus.publish([(OWN, Heartbeat())])  # a note makes the listener read the clock
        for thread in self._threads:
            if thread.ident:
                thread.join(PATIENCE)
                assert not thread.is_alive()

    @staticmethod
    def _until_ended(loop: Callable[[], object]) -> None:
        with suppress(_Ended):
            loop()

    def _wait(self, holds: Any, what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE), what

    def _on_note(self, channel: str, note: Note) -> None:
        self.when_noted(note)
        with self._changed:
            self.heard.append((channel, note))
            self._changed.notify_all()

    def _on_restored(self) -> None:
        self.when_restored()
        with self._changed:
            self.restored += 1
            self._changed.notify_all()


@pytest.fixture
def relay(redis: RedisServer) -> Iterator[Relay]:
    """Yields a relay that has not been started."""
    relay = Relay()
    yield relay
    relay.end()


@pytest.fixture
def listening(relay: Relay) -> Relay:
    relay.start().wait_restored(1)
    return relay


def publish(channel: str, *numbers: int) -> None:
    bus.publish((channel, numbered(number)) for number in numbers)


def numbered(number: int) -> Note:
    return Frame(str(number).encode())


def number_of(note: Note) -> int:
    assert isinstance(note, Frame)
    return int(note.frame)


def test_a_link_is_up_once_its_own_channel_is_confirmed(listening: Relay) -> None:
    assert listening.listener.up
    assert listening.restored == 1


def test_notes_come_in_their_order(listening: Relay) -> None:
    assert listening.subscribe("one").wait(PATIENCE)
    assert listening.subscribe("two").wait(PATIENCE)
    bus.publish((name, numbered(number)) for number, name in enumerate(["one", "two", "one", OWN]))
    assert listening.wait_heard(4) == [0, 1, 2, 3]
    assert [channel for channel, _ in listening.heard] == ["one", "two", "one", OWN]


def test_a_burst_lets_others_work_in_between(listening: Relay) -> None:
    """Without pauses nothing would be written before the burst ends, and the queues of fast readers would overflow."""
    assert listening.subscribe("one").wait(PATIENCE)
    heard_at_pauses = [0]
    listening.clock.when_pausing = lambda: heard_at_pauses.append(len(listening.heard))
    publish("one", *range(2_000))
    assert listening.wait_heard(2_000) == list(range(2_000))
    heard_at_pauses.append(2_000)
    assert max(after - before for before, after in pairwise(sorted(heard_at_pauses))) <= MOST_AT_A_STRETCH


def test_once_confirmed_nothing_is_missed(listening: Relay) -> None:
    for number in range(50):
        assert listening.subscribe(f"channel {number}").wait(PATIENCE)
        publish(f"channel {number}", number)
    assert listening.wait_heard(50) == list(range(50))


def test_a_second_subscription_is_confirmed_as_well(listening: Relay) -> None:
    first = listening.subscribe("one")
    assert first.wait(PATIENCE)
    assert listening.subscribe("one") is first
    publish("one", 1)
    assert listening.wait_heard(1) == [1]
    assert listening.restored == 1, "that is no sign of another link"


def test_what_is_unsubscribed_is_not_heard(listening: Relay) -> None:
    for channel in ("one", "two"):
        assert listening.subscribe(channel).wait(PATIENCE)
    listening.listener.unsubscribe("one", "never subscribed")
    listening.listener.unsubscribe("never subscribed")
    wait_until(lambda: client().pubsub_numsub("one") == [(b"one", 0)], "Redis to have forgotten it")
    publish("one", 1)
    publish("two", 2)
    assert listening.wait_heard(1) == [2]


def test_many_channels_are_unsubscribed_by_one_command(listening: Relay) -> None:
    names = [f"channel {number}" for number in range(50)]
    for name in names:
        assert listening.subscribe(name).wait(PATIENCE)
    client().config_resetstat()
    listening.listener.unsubscribe(*names)
    wait_until(lambda: client().pubsub_channels("channel *") == [], "Redis to have forgotten them")
    assert client().info("commandstats")["cmdstat_unsubscribe"]["calls"] == 1


def test_many_channels_are_subscribed_to_by_one_command_and_none_twice(listening: Relay) -> None:
    assert listening.subscribe("channel 7").wait(PATIENCE)
    client().config_resetstat()
    names = [f"channel {number}" for number in range(50)]
    for _ in range(2):
        assert all(confirmed.wait(PATIENCE) for confirmed in listening.listener.subscribe_all(iter(names)))
    assert client().info("commandstats")["cmdstat_subscribe"]["calls"] == 1
    for name in names:
        publish(name, 1)
    assert listening.wait_heard(50) == [1] * 50


def test_many_channels_asked_for_before_the_start_are_heard(relay: Relay) -> None:
    confirmed = relay.listener.subscribe_all(["one", "two"])
    assert not any(each.is_set() for each in confirmed)
    relay.start()
    assert all(each.wait(PATIENCE) for each in confirmed)


def test_what_was_unsubscribed_may_be_heard_again(listening: Relay) -> None:
    assert listening.subscribe("one").wait(PATIENCE)
    listening.listener.unsubscribe("one")
    assert listening.subscribe("one").wait(PATIENCE)
    publish("one", 1)
    assert listening.wait_heard(1) == [1]


def test_its_own_heartbeat_is_not_passed_on(listening: Relay) -> None:
    bus.publish([(OWN, Heartbeat())])
    publish(OWN, 1)
    assert listening.wait_heard(1) == [1]


def test_what_was_asked_for_before_the_start_is_heard(relay: Relay) -> None:
    confirmed = relay.subscribe("one")
    assert not confirmed.is_set()
    relay.start()
    assert confirmed.wait(PATIENCE)
    publish("one", 1)
    assert relay.wait_heard(1) == [1]


def when_confirmed(confirmed: threading.Event, do: Callable[[], object]) -> None:
    """Call `do` right after Redis has confirmed a subscription, while the link is still being opened."""
    confirm = confirmed.set

    def confirm_and_do() -> None:
        confirm()
        do()

    confirmed.set = confirm_and_do  # type: ignore[method-assign]


def test_what_is_asked_for_while_the_link_is_being_opened_is_heard(relay: Relay) -> None:
    asked: list[threading.Event] = []
    when_confirmed(relay.subscribe("one"), lambda: asked.append(relay.subscribe("two")))
    relay.start().wait_restored(1)
    assert asked[0].wait(PATIENCE)
    publish("two", 2)
    assert relay.wait_heard(1) == [2]


def test_what_is_given_up_while_the_link_is_being_opened_is_not_heard(relay: Relay) -> None:
    when_confirmed(relay.subscribe("one"), lambda: relay.listener.unsubscribe("one"))
    relay.start().wait_restored(1)
    wait_until(lambda: client().pubsub_numsub("one") == [(b"one", 0)], "Redis to have forgotten it")


def test_who_leaves_and_comes_back_while_the_link_is_being_opened_is_heard(relay: Relay) -> None:
    """The only confirmation has come already, and a relay that waited for another would be deaf for good."""
    again: list[threading.Event] = []

    def leave_and_come_back() -> None:
        relay.listener.unsubscribe("one")
        again.append(relay.subscribe("one"))

    when_confirmed(relay.subscribe("one"), leave_and_come_back)
    relay.start().wait_restored(1)
    assert again[0].wait(PATIENCE)
    publish("one", 1)
    assert relay.wait_heard(1) == [1]


class Forgetful(PubSub):
    """A link that loses one subscription on its way to Redis."""

    def subscribe(self, *channels: Any, **options: Any) -> None:
        super().subscribe(*(channel for channel in channels if channel != "one"), **options)


class Choked(PubSub):
    """A link that times out on every subscription after the first ones."""

    def subscribe(self, *channels: Any, **options: Any) -> None:
        if self.channels:
            raise RedisTimeout("Timeout writing to socket")
        super().subscribe(*channels, **options)


@pytest.fixture
def links(redis: RedisServer) -> Iterator[Callable[..., Relay]]:
    """Yields a function that makes a relay whose links are of the given classes, one after the other."""
    made: list[Relay] = []

    def make(*kinds: type[PubSub]) -> Relay:
        following = iter(kinds)
        url = redis.url
        made.append(
            Relay(connect=lambda: next(following)(Redis.from_url(url, protocol=2, socket_timeout=2).connection_pool))
        )
        return made[-1]

    yield make
    for relay in made:
        relay.end()


def test_a_link_that_is_not_whole_in_time_is_lost_though_it_is_not_silent(
    links: Callable[..., Relay], redis: RedisServer
) -> None:
    relay = links(Forgetful, PubSub)
    confirmed = relay.subscribe("one")
    relay.start()
    for _ in range(3):
        hears_itself(redis, times=2)
        relay.clock.now += SILENCE_SECONDS - 1
    assert confirmed.wait(PATIENCE)
    relay.wait_restored(1)


def test_a_subscription_that_cannot_be_sent_is_a_lost_link(links: Callable[..., Relay]) -> None:
    """It is lost even when the link can be read, or notes published to that channel would never be heard."""
    relay = links(Choked, PubSub).start()
    relay.wait_restored(1)
    assert relay.subscribe("one").wait(PATIENCE)
    relay.wait_restored(2)
    publish("one", 1)
    assert relay.wait_heard(1) == [1]


def hears_itself(redis: RedisServer, *, times: int) -> None:
    """Wait until `times` heartbeats have been published from now on."""
    with Redis.from_url(redis.url) as server, server.pubsub() as listening:
        listening.subscribe(OWN)
        for _ in range(times + 1):  # the first answer confirms the subscription
            assert listening.get_message(timeout=PATIENCE)


def opening_costs(channels: int) -> int:
    """Returns how many functions are called while a link with that many channels is opened."""
    calls = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    done = threading.Event()
    listener = Listener(OWN, lambda *_: None, lambda: (sys.setprofile(None), done.set(), _end()))
    for number in range(channels):
        listener.subscribe(f"channel {number}")

    def run() -> None:
        sys.setprofile(count)
        with suppress(_Ended):
            listener.run()

    threading.Thread(target=run, daemon=True).start()
    assert done.wait(PATIENCE)
    return calls


def _end() -> None:
    raise _Ended


def test_opening_a_link_costs_in_proportion_to_its_channels(redis: RedisServer) -> None:
    """Calls are counted, not timed. A fourfold cost for twice the channels would be seconds at ten thousand."""
    assert opening_costs(1_000) < 2.5 * opening_costs(500)


def test_a_subscription_confirmed_twice_is_a_lost_link(listening: Relay) -> None:
    """Nothing else shows that redis-py has reconnected by itself: it subscribes again without a word."""
    listening.subscribe(OWN)
    listening.wait_restored(2)


class FailsOnce:
    """Wraps `call`, and raises at the first time, or at the first in the thread named `thread` if one is given."""

    def __init__(self, call: Callable[..., object], thread: str | None = None) -> None:
        self._call = call
        self._thread = thread
        self._failed = False

    def __call__(self, *args: Any) -> object:
        if not self._failed and self._thread in (None, threading.current_thread().name):
            self._failed = True
            raise ZeroDivisionError
        return self._call(*args)


def test_listening_goes_on_after_what_nobody_foresaw(relay: Relay) -> None:
    before = stumbles("bus_listener")
    relay.when_restored = FailsOnce(lambda: None)
    relay.start().wait_restored(1)
    assert relay.subscribe("one").wait(PATIENCE)
    publish("one", 1)
    assert relay.wait_heard(1) == [1]
    assert stumbles("bus_listener") == before + 1


def test_the_heart_beats_on_after_what_nobody_foresaw(listening: Relay, redis: RedisServer) -> None:
    before = stumbles("bus_heartbeat")
    listening.clock.when_pausing = FailsOnce(lambda: None, HEART)
    wait_until(lambda: stumbles("bus_heartbeat") == before + 1, "the heart to stumble")
    hears_itself(redis, times=1)


def stumbles(loop: str) -> float:
    """Returns how often a loop has stumbled so far."""
    return loop_stumbles.labels(loop=loop).collect()[0].samples[0].value


def test_a_killed_connection_is_a_lost_link(listening: Relay) -> None:
    """redis-py connects again without a word. Notes published meanwhile are missing, and must be fetched."""
    assert listening.subscribe("one").wait(PATIENCE)
    client().client_kill_filter(_type="pubsub")
    listening.wait_restored(2)
    assert listening.subscribe("one").wait(PATIENCE)
    publish("one", 1)
    assert listening.wait_heard(1) == [1]


def test_a_redis_started_anew_is_a_lost_link(listening: Relay, redis: RedisServer) -> None:
    assert listening.subscribe("one").wait(PATIENCE)
    redis.kill()
    wait_until(lambda: not listening.listener.up, "the loss to be noticed")
    redis.start()
    listening.wait_restored(2)
    assert listening.subscribe("one").wait(PATIENCE)
    publish("one", 1)
    assert listening.wait_heard(1) == [1]


def test_a_subscription_during_an_outage_is_confirmed_afterwards(listening: Relay, redis: RedisServer) -> None:
    redis.stop()
    wait_until(lambda: not listening.listener.up, "the loss to be noticed")
    confirmed = listening.subscribe("one")
    assert not confirmed.is_set()
    redis.start()
    assert confirmed.wait(PATIENCE)
    listening.wait_restored(2)
    publish("one", 1)
    assert listening.wait_heard(1) == [1]


def test_what_was_confirmed_before_an_outage_is_not_until_it_is_over(listening: Relay, redis: RedisServer) -> None:
    confirmed = listening.subscribe("one")
    assert confirmed.wait(PATIENCE)
    redis.stop()
    wait_until(lambda: not confirmed.is_set(), "the next attempt to begin")
    redis.start()
    assert confirmed.wait(PATIENCE)


def test_a_redis_not_there_at_the_start_is_waited_for(relay: Relay, redis: RedisServer) -> None:
    redis.stop()
    relay.start()
    confirmed = relay.subscribe("one")
    redis.start()
    relay.wait_restored(1)
    assert confirmed.wait(PATIENCE)


def test_silence_is_a_lost_link(listening: Relay, redis: RedisServer) -> None:
    """A Redis that hangs closes no connection. Only the missing heartbeat shows it."""
    redis.freeze()
    try:
        listening.clock.now += SILENCE_SECONDS + 1
        wait_until(lambda: not listening.listener.up, "the silence to be noticed")
    finally:
        redis.thaw()
    listening.wait_restored(2)


def test_a_heartbeat_breaks_the_silence(listening: Relay, redis: RedisServer) -> None:
    for _ in range(5):
        listening.clock.now += SILENCE_SECONDS - 1
        hears_itself(redis, times=2)
    assert listening.listener.up
    assert listening.restored == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"no note",
        b'{"kind":"no such","v":1,"origin":null}\n{}',
        b'{"kind":"frame","v":99,"origin":null}\n2',
        b'{"kind":"frame","v":1}\n2',
        b'{"kind":"frame","v":1,"origin":3}\n2',
    ],
    ids=["no note", "an unknown kind", "a newer version", "a field missing", "a field of another type"],
)
def test_what_cannot_be_read_is_dropped_alone(listening: Relay, raw: bytes) -> None:
    before = dropped()
    assert listening.subscribe("one").wait(PATIENCE)
    for channel in ("one", OWN):
        client().publish(channel, raw)
    publish("one", 1)
    assert listening.wait_heard(1) == [1]
    assert listening.restored == 1, "and nobody's backlog is run again"
    assert dropped() == before + 2


def test_a_note_with_a_field_that_is_not_known_yet_is_heard(listening: Relay) -> None:
    before = dropped()
    client().publish(OWN, b'{"kind":"frame","v":1,"origin":null,"since":5}\n1')
    assert listening.wait_heard(1) == [1]
    assert dropped() == before


def test_a_note_that_cannot_be_dealt_with_is_dropped_alone(listening: Relay) -> None:
    def fail(note: Note) -> None:
        if number_of(note) == 1:
            raise ValueError("what somebody wrote")

    before = dropped()
    listening.when_noted = fail
    assert listening.subscribe("one").wait(PATIENCE)
    publish("one", 1, 2)
    assert listening.wait_heard(1) == [2]
    assert listening.restored == 1
    assert dropped() == before + 1


def dropped() -> float:
    """Returns how many notes were dropped so far."""
    return notes_dropped.collect()[0].samples[0].value


def test_publishing_to_a_redis_that_is_away_is_said(redis: RedisServer) -> None:
    redis.stop()
    with pytest.raises(RedisError):
        publish("one", 1)
