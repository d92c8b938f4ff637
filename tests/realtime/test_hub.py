"""Tests of which sockets get a published note, whatever happens while sockets come and go."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.pool import Group

from db.errors import DatabaseUnavailable
from infra import channels, loops, notes, presence
from infra.metrics import loop_stumbles
from infra.redis import RedisError
from realtime import hub as module
from realtime.app import readyz
from realtime.hub import MOST_PER_USER, Hub
from tests.processes import PATIENCE, wait_until

ALICE = 1
CHANNEL = channels.of_user(ALICE)
TYPING = notes.Typing(b"{}")


class Socket:
    """Replaces a Connection."""

    def __init__(self, number: int = 1, *, user_id: int = ALICE, expires_at: float = float("inf")) -> None:
        self.id = f"socket {number}"
        self.claims = SimpleNamespace(user_id=user_id, expires_at=expires_at, revocable=())
        self.is_first = False
        self.left = False
        self.taken: list[notes.Note] = []
        self.ticks = 0
        self.when_ticking: Callable[[], object] = lambda: None
        self.closed: list[int] = []
        self.outbound = SimpleNamespace(close=lambda code, _reason: self.closed.append(code))

    def take(self, note: notes.Live, _frame: bytes) -> None:
        self.taken.append(note)

    def take_own(self, note: notes.Own) -> None:
        self.taken.append(note)

    def leave(self) -> None:
        self.left = True

    def tick(self, _now: float) -> None:
        self.ticks += 1
        self.when_ticking()


class Subscriptions:
    """Replaces a Listener whose link is whole."""

    def __init__(self) -> None:
        self.up = True
        self.channels: set[str] = set()
        self.unsubscribed: list[int] = []  # how many channels in each command
        self.while_unsubscribing: Callable[[], object] = lambda: None

    def subscribe(self, channel: str) -> threading.Event:
        self.channels.add(channel)
        return threading.Event()

    def unsubscribe(self, *channels: str) -> None:
        self.channels -= set(channels)
        self.unsubscribed.append(len(channels))
        self.while_unsubscribing()


class Relay:
    """A hub whose clock the test moves, and whose presence calls to Redis are replaced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.looks = 0  # at the clock
        self.count = 1
        self.while_counting: Callable[[], object] = lambda: None
        self.reports: list[dict[int, int]] = []
        monkeypatch.setattr(presence.Counts, "change", self._change)
        monkeypatch.setattr(presence, "report", lambda _relay, users: self.reports.append(dict(users)))
        self.running = Group()
        self.hub: Any = Hub(clock=self._clock, sleep=lambda _: gevent.sleep(0.01), spawn=self.running.spawn)
        self.hub.listener = Subscriptions()

    def _clock(self) -> float:
        self.looks += 1
        return self.now

    def _change(self, changes: list[tuple[int, int]]) -> list[int]:
        self.while_counting()
        return [self.count] * len(changes)

    def later(self) -> None:
        """Move the clock beyond the time after which an unused channel is given up."""
        self.now += 6
        self.hub.look_after()

    def look_after_meanwhile(self) -> None:
        """Have the loop look for unused channels, as in `later`. Its report waits for whoever is being counted."""
        self.now += 6
        before = self.looks
        self.running.spawn(self.hub.look_after)
        _turn_until(lambda: self.looks > before)

    def connect(self, socket: Socket) -> bool:
        joined = self.hub.join(socket)
        if joined:
            self.hub.subscribed(socket)
        return bool(joined)


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """Yields a relay of whose loops none runs."""
    relay = Relay(monkeypatch)
    yield relay
    relay.running.kill()


@pytest.fixture
def relay(new: Relay) -> Relay:
    """Returns a relay that counts who comes and goes. The tests call its other loops' steps."""
    new.hub.presence.start()
    return new


def test_a_note_goes_to_all_sockets_of_its_user_and_to_no_other(relay: Relay) -> None:
    sockets = [Socket(1), Socket(2), Socket(3, user_id=ALICE + 1)]
    for socket in sockets:
        relay.connect(socket)
    relay.hub.take(CHANNEL, TYPING)
    assert [socket.taken for socket in sockets] == [[TYPING], [TYPING], []]


@pytest.mark.parametrize("note", [notes.Greeting("socket 2", (b"{}",)), notes.BacklogPage("socket 2", 1)], ids=type)
def test_a_note_for_one_socket_goes_to_no_other(relay: Relay, note: notes.Own) -> None:
    sockets = [Socket(1), Socket(2)]
    for socket in sockets:
        relay.connect(socket)
    relay.hub.take(channels.of_relay(relay.hub.relay_id), note)
    assert [socket.taken for socket in sockets] == [[], [note]]


def test_a_note_for_a_socket_that_has_gone_is_for_nobody(relay: Relay) -> None:
    socket = Socket()
    relay.connect(socket)
    relay.hub.leave(socket)
    relay.hub.take(channels.of_relay(relay.hub.relay_id), notes.Greeting(socket.id, (b"{}",)))
    assert socket.taken == []
    assert socket.left


def test_who_comes_while_the_channel_would_be_given_up_hears_everything(relay: Relay) -> None:
    """Counting a user's connections asks Redis, and the rest of the relay runs on meanwhile."""
    before, after = Socket(1), Socket(2)
    relay.connect(before)
    relay.hub.leave(before)
    relay.while_counting = relay.look_after_meanwhile
    relay.connect(after)
    relay.later()
    assert relay.hub.listener.channels == {CHANNEL}
    relay.hub.take(CHANNEL, TYPING)
    assert after.taken == [TYPING]


def test_a_channel_that_nobody_uses_is_given_up(relay: Relay) -> None:
    socket = Socket()
    relay.connect(socket)
    relay.hub.leave(socket)
    relay.hub.look_after()
    assert relay.hub.listener.channels == {CHANNEL}, "who left may be back"
    relay.later()
    assert relay.hub.listener.channels == set()


def test_many_channels_are_given_up_together(relay: Relay) -> None:
    """Whoever joins while a command is sent keeps their channel, though it was to be given up with the next one."""
    sockets = [Socket(number, user_id=number) for number in range(1, 1_102)]
    for socket in sockets:
        relay.connect(socket)
    for socket in sockets:
        relay.hub.leave(socket)
    back = Socket(5_000, user_id=1_101)

    def come_back() -> None:
        relay.hub.listener.while_unsubscribing = lambda: None
        assert relay.connect(back)

    relay.hub.listener.while_unsubscribing = come_back
    relay.later()
    assert relay.hub.listener.unsubscribed == [500, 500, 100]
    assert relay.hub.listener.channels == {channels.of_user(1_101)}
    relay.hub.take(channels.of_user(1_101), TYPING)
    assert back.taken == [TYPING]


def test_who_is_refused_hears_nothing_and_leaves_nothing_behind(relay: Relay) -> None:
    relay.hub.listener.channels.add(CHANNEL)  # so that giving the channel up shows
    relay.count = MOST_PER_USER + 1
    socket = Socket()
    assert not relay.connect(socket)
    relay.hub.take(CHANNEL, TYPING)
    assert socket.taken == []
    relay.later()
    assert relay.hub.listener.channels == set()


def test_one_relay_takes_so_many_sockets_of_a_user(relay: Relay) -> None:
    assert [relay.connect(Socket(number)) for number in range(MOST_PER_USER)] == [True] * MOST_PER_USER
    assert not relay.connect(Socket(MOST_PER_USER))


def test_what_is_here_is_reported_every_five_seconds(relay: Relay) -> None:
    for number in (1, 2):
        relay.connect(Socket(number))
    for _ in range(11):
        relay.hub.look_after()
        relay.now += 1
    assert relay.reports == [{ALICE: 2}] * 3


def test_a_socket_whose_token_has_expired_is_closed(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed even while the database cannot say which tokens are revoked, and that is asked only once."""
    asked: list[object] = []

    def unavailable(token_ids: object) -> bool:
        asked.append(token_ids)
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(module, "revocations", lambda: SimpleNamespace(revoked=unavailable))
    sockets = [Socket(1), Socket(2), Socket(3, expires_at=0)]
    for socket in sockets:
        relay.connect(socket)
    relay.hub.close_expired()
    assert [socket.closed for socket in sockets] == [[], [], [1008]]
    assert len(asked) == 1


@pytest.fixture
def looking_after(new: Relay) -> Relay:
    """Returns a relay whose hub runs its own loops, but not those of the link to Redis."""
    new.hub.listener.run = new.hub.listener.beat = lambda: None
    new.hub.start()
    return new


def stumbles(loop: str) -> float:
    return loop_stumbles.labels(loop=loop).collect()[0].samples[0].value


def test_sockets_are_looked_after_whatever_happens(looking_after: Relay) -> None:
    socket, before = Socket(), stumbles("look_after")
    looking_after.connect(socket)
    socket.when_ticking = lambda: 1 / 0
    _turn_until(lambda: stumbles("look_after") > before)
    ticks, socket.when_ticking = socket.ticks, lambda: None
    _turn_until(lambda: socket.ticks > ticks)


def test_expired_tokens_are_looked_for_whatever_happens(looking_after: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    socket, before = Socket(), stumbles("close_expired")
    looking_after.connect(socket)
    monkeypatch.setattr(module, "revocations", lambda: SimpleNamespace(revoked=lambda _ids: 1 / 0))
    _turn_until(lambda: stumbles("close_expired") > before)
    monkeypatch.setattr(module, "revocations", lambda: SimpleNamespace(revoked=lambda _ids: True))
    _turn_until(lambda: socket.closed)


def _turn_until(holds: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        gevent.sleep(0.01)


def test_a_relay_with_a_loop_that_stands_still_is_not_ready(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "STALLED_SECONDS", 0.5)
    turns = threading.Semaphore(0)
    threading.Thread(target=loops.forever, args=("a loop of the relay", turns.acquire), daemon=True).start()
    wait_until(lambda: "a loop of the relay" in loops.stalled(), "the loop to be named")
    answer: Any = readyz(relay.hub)
    assert answer.status_code == 503
    assert "a loop of the relay" in answer.get_data(as_text=True)


def test_a_redis_that_does_not_count_keeps_nobody_out(relay: Relay) -> None:
    def fail() -> None:
        raise RedisError("away")

    relay.while_counting = fail
    assert relay.connect(Socket())
