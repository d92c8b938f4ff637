"""Tests of which sockets get a published note, whatever happens while sockets come and go."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.pool import Group

from db.errors import DatabaseUnavailable
from infra import channels, loops, notes, presence
from infra.metrics import loop_stumbles
from infra.redis import RedisError
from messaging.groups.memberships import Membership
from realtime import frames, memberships
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
        self.left = self.paused = False
        self.taken: list[notes.Note] = []
        self.frames: list[bytes] = []
        self.joins: list[str] = []
        self.ticks = self.reruns = 0
        self.when_ticking: Callable[[], object] = lambda: None
        self.closed: list[int] = []
        self.outbound = SimpleNamespace(close=lambda code, _reason: self.closed.append(code))

    def take(self, note: notes.Live, frame: bytes) -> None:
        self.taken.append(note)
        self.frames.append(frame)

    def take_own(self, note: notes.Own) -> None:
        self.taken.append(note)

    def pause(self) -> None:
        self.paused = True

    def joining(self, conversation_id: str) -> None:
        self.joins.append(conversation_id)

    def rerun_backlog(self) -> None:
        self.reruns += 1

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

    def subscribe_all(self, channels: Iterable[str]) -> list[threading.Event]:
        events = []
        for channel in channels:
            self.channels.add(channel)
            events.append(threading.Event())
            events[-1].set()
        return events

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
        self.restored: Callable[[], object] = lambda: None  # call it when the link has been restored
        self.hub: Any = Hub(
            listen=self._listen, clock=self._clock, sleep=lambda _: gevent.sleep(0.01), spawn=self.running.spawn
        )

    def _listen(self, _own: str, _take: object, restored: Callable[[], object]) -> Any:
        self.restored = restored
        return Subscriptions()

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


GROUP = "group_5"
GROUP_CHANNEL = channels.of_group(GROUP)
GROUP_NOTES: list[tuple[notes.OfGroup, notes.Live]] = [
    (notes.GroupMessage(GROUP, 9, ALICE, b"{}"), notes.Message(GROUP, 9, ALICE, b"{}")),
    (notes.FastGroupMessage(GROUP, 9, ALICE, 1, b"{}"), notes.FastMessage(GROUP, 9, ALICE, b"{}")),
    (notes.GroupFrame(GROUP, 9, b"{}"), notes.Frame(b"{}")),
    (notes.GroupTyping(GROUP, ALICE + 9, 1, b"{}"), TYPING),
]


def admit(relay: Relay, *sockets: Socket) -> None:
    """Have the sockets' users be in the group."""
    for socket in sockets:
        relay.connect(socket)
    relay.hub.groups.confirmed(relay.hub.groups.expect([GROUP]).values())
    relay.hub.listener.subscribe(GROUP_CHANNEL)
    for socket in sockets:
        since = relay.hub.groups.mark()
        assert relay.hub.admit(socket, [Membership(GROUP, 1, 1)], since, confirmed=True)


@pytest.mark.parametrize(("note", "live"), GROUP_NOTES, ids=lambda note: type(note).__name__)
def test_a_groups_note_goes_to_all_sockets_of_its_members(relay: Relay, note: notes.OfGroup, live: notes.Live) -> None:
    members = [Socket(1), Socket(2), Socket(3, user_id=ALICE + 1)]
    other = Socket(4, user_id=ALICE + 2)
    relay.connect(other)
    admit(relay, *members)
    relay.hub.take(GROUP_CHANNEL, note)
    assert [socket.taken for socket in members] == [[live]] * 3
    assert other.taken == []


@pytest.mark.parametrize(("note", "live"), GROUP_NOTES[:3], ids=lambda note: type(note).__name__)
def test_a_quote_goes_to_those_members_alone_who_see_what_is_quoted(
    relay: Relay, note: notes.OfGroup, live: notes.Live
) -> None:
    early, late, blind = Socket(1), Socket(2, user_id=ALICE + 1), Socket(3, user_id=ALICE + 2)
    admit(relay, early, blind)
    relay.connect(late)
    assert relay.hub.admit(late, [Membership(GROUP, 8, 1)], relay.hub.groups.mark(), confirmed=True)
    quoting = notes.Quoting(b'{"whole":1}', 7, frozenset({ALICE + 2}))
    relay.hub.take(GROUP_CHANNEL, replace(note, quoting=quoting))  # type: ignore[type-var]
    assert [socket.frames for socket in (early, late, blind)] == [
        [frames.text(b'{"whole":1}')],
        [frames.text(b"{}")],
        [frames.text(b"{}")],
    ]
    assert early.taken == [live]


@pytest.mark.parametrize(("note", "live"), GROUP_NOTES, ids=lambda note: type(note).__name__)
def test_while_the_link_is_being_restored_a_groups_note_goes_to_nobody(
    relay: Relay, note: notes.OfGroup, live: notes.Live
) -> None:
    """A removal may have been lost with the link, so nobody is known to be a member."""
    socket = Socket()
    admit(relay, socket)
    relay.hub.listener.up = False
    relay.hub.take(GROUP_CHANNEL, note)
    assert socket.taken == []
    relay.hub.listener.up = True
    relay.hub.take(GROUP_CHANNEL, note)
    assert socket.taken == [live]


def test_after_a_lost_link_nobody_is_a_member_before_it_is_read_anew(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = Socket()
    admit(relay, socket)
    relay.restored()
    assert socket.paused
    relay.hub.take(GROUP_CHANNEL, GROUP_NOTES[0][0])
    assert socket.taken == []
    monkeypatch.setattr(memberships, "read", lambda _rule, **_: {ALICE: [Membership(GROUP, 1, 1)]})
    relay.hub.reruns.step()
    assert socket.reruns == 1
    relay.hub.take(GROUP_CHANNEL, GROUP_NOTES[0][0])
    assert socket.taken == [GROUP_NOTES[0][1]]


def test_all_members_of_a_large_group_get_a_note_and_the_relay_turns_meanwhile(relay: Relay) -> None:
    sockets = [Socket(number, user_id=number) for number in range(1, 1_202)]
    admit(relay, *sockets)
    turns: list[int] = []

    def count() -> None:
        while True:
            turns.append(len([socket for socket in sockets if socket.taken]))
            gevent.sleep(0)

    relay.running.spawn(count)
    relay.hub.take(GROUP_CHANNEL, GROUP_NOTES[0][0])
    assert all(len(socket.taken) == 1 for socket in sockets)
    assert {500, 1_000} <= set(turns)


def test_who_joins_has_their_groups_read_and_their_backlogs_run(relay: Relay) -> None:
    sockets = [Socket(1), Socket(2), Socket(3, user_id=ALICE + 1)]
    for socket in sockets:
        relay.connect(socket)
    asked: list[int] = []
    relay.hub.memberships.ask = asked.append
    relay.hub.take(CHANNEL, notes.Joined(GROUP))
    relay.hub.take(channels.of_user(ALICE + 5), notes.Joined(GROUP))
    assert asked == [ALICE], "of nobody who is not here"
    assert [socket.joins for socket in sockets] == [[GROUP], [GROUP], []]


def test_after_a_join_the_backlogs_run_once_the_groups_are_read(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = [Socket(1), Socket(2), Socket(3, user_id=ALICE + 1)]
    for socket in sockets:
        relay.connect(socket)
    found = {ALICE: [Membership(GROUP, 1, 1)]}
    monkeypatch.setattr(memberships, "read", lambda _rule, user_ids: {user_id: found[user_id] for user_id in user_ids})
    relay.hub.take(CHANNEL, notes.Joined(GROUP))
    assert [socket.reruns for socket in sockets] == [0, 0, 0]
    relay.hub.memberships.step()
    assert [socket.reruns for socket in sockets] == [1, 1, 0]
    relay.hub.take(GROUP_CHANNEL, GROUP_NOTES[0][0])
    assert [socket.taken for socket in sockets] == [[GROUP_NOTES[0][1]]] * 2 + [[]]


def test_who_is_not_heard_yet_does_not_wait_for_their_groups(relay: Relay) -> None:
    socket = Socket()
    relay.connect(socket)
    asked: list[int] = []
    relay.hub.memberships.ask = asked.append
    assert not relay.hub.admit(socket, [Membership(GROUP, 1, 1)], relay.hub.groups.mark(), confirmed=False)
    assert asked == [ALICE]
    relay.hub.take(GROUP_CHANNEL, GROUP_NOTES[0][0])
    assert socket.taken == []


def test_a_group_whose_last_member_has_gone_is_given_up(relay: Relay) -> None:
    sockets = [Socket(1), Socket(2, user_id=ALICE + 1)]
    admit(relay, *sockets)
    relay.hub.leave(sockets[0])
    relay.later()
    relay.later()
    assert GROUP_CHANNEL in relay.hub.listener.channels
    relay.hub.leave(sockets[1])
    relay.later()
    assert GROUP_CHANNEL in relay.hub.listener.channels, "who left may be back"
    relay.later()
    assert relay.hub.listener.channels == set()


def test_who_comes_back_soon_is_still_in_their_groups(relay: Relay) -> None:
    """What is not heard any more has to be read anew, and what is heard has not."""
    before, after = Socket(1), Socket(2)
    admit(relay, before)
    relay.hub.leave(before)
    relay.hub.look_after()
    relay.connect(after)
    relay.hub.take(GROUP_CHANNEL, GROUP_NOTES[0][0])
    assert after.taken == [GROUP_NOTES[0][1]]


def test_a_connection_that_ends_has_its_proofs_left_at_once(relay: Relay) -> None:
    hurried: list[int] = []
    relay.hub.proofs.hurry = hurried.append
    socket = Socket()
    relay.connect(socket)
    relay.hub.leave(socket)
    assert hurried == [ALICE]
