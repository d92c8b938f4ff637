"""Notes cross Redis whole and in order, and no loss of the link goes unnoticed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from infra import bus
from infra.bus import Listener, Note
from infra.redis import RedisError, client
from tests.processes import PATIENCE, wait_until
from tests.servers import RedisServer

OWN = bus.relay_channel("relay")


class Ending(threading.Thread):
    """A thread that a SystemExit ends without a word."""

    def run(self) -> None:
        with suppress(SystemExit):
            super().run()


class Clock:
    """Stands for the module `time` in infra.bus: the test turns it on, and ends all that sleeps or looks at it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.gave_way = 0
        self.when_looked_at: Callable[[], object] = lambda: None
        self._ended = threading.Event()

    def monotonic(self) -> float:
        if self._ended.is_set():
            raise SystemExit
        self.when_looked_at()
        return self.now

    def sleep(self, seconds: float) -> None:
        self.gave_way += not seconds
        if self._ended.wait(seconds / 20):
            raise SystemExit

    def end(self) -> None:
        self._ended.set()


class Relay:
    """A listener in a thread of its own, and what it has heard."""

    def __init__(self, clock: Clock) -> None:
        self.heard: list[tuple[str, Note]] = []
        self.restored = 0
        self.clock = clock
        self._changed = threading.Condition()
        self.listener = Listener(OWN, self._on_note, self._on_restored, sleep=clock.sleep)
        self._thread = Ending(target=self.listener.run, daemon=True)

    def start(self) -> "Relay":
        self._thread.start()
        return self

    def wait_restored(self, times: int) -> None:
        """Wait until the link has become whole that often."""
        self._wait(lambda: self.restored >= times, f"restored {self.restored} times of {times}")

    def wait_heard(self, count: int) -> list[Any]:
        """Wait for so many notes; the number that each carries."""
        self._wait(lambda: len(self.heard) >= count, f"heard {self.heard}")
        return [note.header["number"] for _, note in self.heard]

    def subscribe(self, channel: str) -> threading.Event:
        return self.listener.subscribe(channel)

    def end(self) -> None:
        self.clock.end()
        with suppress(RedisError):
            bus.publish([(OWN, Note({"kind": "heartbeat"}))])  # it looks at the clock
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _wait(self, holds: Any, what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(holds, PATIENCE), what

    def _on_note(self, channel: str, note: Note) -> None:
        with self._changed:
            self.heard.append((channel, note))
            self._changed.notify_all()

    def _on_restored(self) -> None:
        with self._changed:
            self.restored += 1
            self._changed.notify_all()


@pytest.fixture
def relay(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """One that has not been started."""
    clock = Clock()
    monkeypatch.setattr(bus, "time", clock)
    monkeypatch.setattr(bus, "threading", SimpleNamespace(Thread=Ending, Event=threading.Event))
    relay = Relay(clock)
    yield relay
    if relay._thread.ident:
        relay.end()


@pytest.fixture
def listening(relay: Relay) -> Relay:
    relay.start().wait_restored(1)
    return relay


def publish(channel: str, *numbers: int) -> None:
    bus.publish((channel, Note({"kind": "frame", "number": number})) for number in numbers)


@pytest.mark.parametrize(
    "note",
    [
        Note({"kind": "confirmed", "proofs": [[1, "1_2", 0, 5]]}),
        Note({"kind": "frame"}, (b'{"type":"typing"}',)),
        Note({"kind": "backlog", "cursor": None}, (b"{}", b"[]", b'"x"')),
        Note({"kind": "frame"}, (bus.frame("new_message", {"content": "line\nline\r\n\u2028\x00 文😀"}),)),
        Note({"kind": "frame"}, (b"",)),
    ],
    ids=lambda note: f"{len(note.frames)} frames",
)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    assert bus.decode(bus.encode(note)) == note


def test_a_frame_is_the_contracts() -> None:
    assert orjson.loads(bus.frame("typing", {"user_id": 1})) == {"type": "typing", "content": {"user_id": 1}}


def test_channels_of_users_and_relays_differ() -> None:
    assert len({bus.user_channel(1), bus.user_channel(2), bus.relay_channel("1"), bus.relay_channel("2")}) == 4


def test_a_link_is_up_once_its_own_channel_is_confirmed(listening: Relay) -> None:
    assert listening.listener.up
    assert listening.restored == 1


def test_notes_come_in_their_order(listening: Relay) -> None:
    assert listening.subscribe("one").wait(PATIENCE)
    assert listening.subscribe("two").wait(PATIENCE)
    bus.publish([(name, Note({"kind": "frame", "number": n})) for n, name in enumerate(["one", "two", "one", OWN])])
    assert listening.wait_heard(4) == [0, 1, 2, 3]
    assert [channel for channel, _ in listening.heard] == ["one", "two", "one", OWN]


def test_a_burst_lets_others_work_in_between(listening: Relay) -> None:
    """Or nothing of it would be written before it is over, and the queues of fast readers would overflow."""
    assert listening.subscribe("one").wait(PATIENCE)
    publish("one", *range(2_000))
    assert listening.wait_heard(2_000) == list(range(2_000))
    assert listening.clock.gave_way >= 7


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
    listening.listener.unsubscribe("one")
    listening.listener.unsubscribe("never subscribed")
    wait_until(lambda: client().pubsub_numsub("one") == [(b"one", 0)], "Redis to have forgotten it")
    publish("one", 1)
    publish("two", 2)
    assert listening.wait_heard(1) == [2]


def test_what_was_unsubscribed_may_be_heard_again(listening: Relay) -> None:
    assert listening.subscribe("one").wait(PATIENCE)
    listening.listener.unsubscribe("one")
    assert listening.subscribe("one").wait(PATIENCE)
    publish("one", 1)
    assert listening.wait_heard(1) == [1]


def test_its_own_heartbeat_is_not_passed_on(listening: Relay) -> None:
    bus.publish([(OWN, Note({"kind": "heartbeat"}))])
    publish(OWN, 1)
    assert listening.wait_heard(1) == [1]


def test_what_was_asked_for_before_the_start_is_heard(relay: Relay) -> None:
    confirmed = relay.subscribe("one")
    assert not confirmed.is_set()
    relay.start()
    assert confirmed.wait(PATIENCE)
    publish("one", 1)
    assert relay.wait_heard(1) == [1]


def test_what_is_asked_for_while_the_link_is_being_opened_is_heard(relay: Relay) -> None:
    asked: list[threading.Event] = []

    def ask() -> None:
        if not asked:
            asked.append(relay.subscribe("one"))

    relay.clock.when_looked_at = ask
    relay.start().wait_restored(1)
    assert asked[0].wait(PATIENCE)
    publish("one", 1)
    assert relay.wait_heard(1) == [1]


def test_a_killed_connection_is_a_lost_link(listening: Relay) -> None:
    """redis-py connects again without a word: what was published meanwhile is missing, and must be fetched."""
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
    """A Redis that hangs closes nothing: only the missing heartbeat tells."""
    redis.freeze()
    try:
        listening.clock.now += bus._SILENCE_SECONDS + 1
        wait_until(lambda: not listening.listener.up, "the silence to be noticed")
    finally:
        redis.thaw()
    listening.wait_restored(2)


def test_a_heartbeat_breaks_the_silence(listening: Relay) -> None:
    for _ in range(5):
        listening.clock.now += bus._SILENCE_SECONDS - 1
        heard_at = listening.listener._heard_at
        wait_until(lambda heard_at=heard_at: listening.listener._heard_at > heard_at, "a heartbeat")
    assert listening.listener.up
    assert listening.restored == 1


def test_publishing_to_a_redis_that_is_away_is_said(redis: RedisServer) -> None:
    redis.stop()
    with pytest.raises(RedisError):
        publish("one", 1)
