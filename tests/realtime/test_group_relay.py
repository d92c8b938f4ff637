"""Tests that a relay gives members what is theirs, and nobody anything else, whatever happens in whatever order.

A hub and its connections run with a group, a database, workers and a Redis that are a model. Members come and go, the
link is lost, notes are repeated or late, and other things happen in the middle of each reading. A client calls `sync`
after `hello` and after `resync`, as the protocol says.

IM_PROPERTY_EXAMPLES sets how many random sequences are tried.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from types import SimpleNamespace
from typing import Any, ClassVar

import gevent
import orjson
import pytest
from gevent.pool import Group as Greenlets
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from infra import channels, notes
from infra.tokens import Claims
from messaging.delivered import Proof
from messaging.frame import frame
from messaging.groups.memberships import Membership
from realtime import connection as connection_module
from realtime import memberships as memberships_module
from realtime.connection import Connection
from realtime.hub import Hub

EXAMPLES = int(os.environ.get("IM_PROPERTY_EXAMPLES", "300"))
STEPS = 30
NAME = "group_5"
CHANNEL = channels.of_group(NAME)
USERS = (1, 2, 3)
FOREVER = 1_000_000
MOST_CONNECTIONS = 6

Action = tuple[str, int]
Note = tuple[str, notes.Note]  # with its channel


class Client:
    """The far end of a connection, in place of its Outbound: what was pushed to it, and what it has by `sync`."""

    full = waiting = busy = False
    open = True

    def __init__(self, **_options: object) -> None:
        self.user_id = 0
        self.pushed: list[int] = []
        self.seen: set[int] = set()
        self.on_frame: Callable[[str, Any], object] = lambda _kind, _content: None

    def push(self, text: bytes, *, bounded: bool = True) -> bool:
        told = orjson.loads(text[text.index(b"{") :])
        self.on_frame(told["type"], told["content"])
        return bounded

    def wake(self) -> None:
        """Do nothing: the model asks for pings by itself."""

    def close(self, _code: int, _reason: str = "", *, last: bytes = b"") -> None:
        assert not last


class House:
    """The database, the workers and Redis of one group, and a relay."""

    current: ClassVar["House"]

    def __init__(self) -> None:
        House.current = self
        self.now = time.monotonic()
        self.last_seq = 0
        self.members_seq = 0
        self.ranges: dict[int, list[list[int]]] = defaultdict(list)  # first and last seq of each stay
        self.delivered: dict[int, int] = defaultdict(int)
        self.outbox: list[list[Note]] = []  # what workers have still to publish, or have published, by event
        self.published = 0
        self.fast: list[notes.FastGroupMessage] = []
        self.requests: list[Any] = []
        self.pages: list[notes.BacklogPage] = []
        self.violations: list[str] = []
        self.given: dict[int, set[int]] = defaultdict(set)  # what was pushed to each user, on any connection
        self.open: list[tuple[Connection, Client]] = []
        self.plan: list[list[Action]] = []  # what happens in the middle of whatever waits next, and after that
        self.wanted: set[str] = set()
        self.heard: set[str] = set()  # the channels that Redis has confirmed
        self.running = Greenlets()
        self.hub: Any = Hub(listen=self._listen, clock=lambda: self.now, sleep=self._sleep, spawn=self.running.spawn)
        self.hub.presence = SimpleNamespace(came=lambda *_, **__: 1, left=lambda *_: None, report=lambda: None)
        self.running.spawn(self.hub.memberships.run)
        self.running.spawn(self.hub.reruns.run)
        self._store(came=USERS[:2])

    # The listener, whose link the model loses and restores

    def _listen(self, _own: str, take: Callable[..., None], restored: Callable[[], None]) -> Any:
        self.take, self.restored = take, restored
        self.listener = SimpleNamespace(
            up=True,
            subscribe=self._subscribe,
            subscribe_all=lambda names: [self._subscribe(name) for name in names],
            unsubscribe=self._unsubscribe,
        )
        return self.listener

    def _subscribe(self, channel: str) -> Any:
        self.wanted.add(channel)
        return SimpleNamespace(wait=lambda _seconds=None: self._confirm(channel))

    def _confirm(self, channel: str) -> bool:
        self.meanwhile()
        if self.listener.up and channel in self.wanted:
            self.heard.add(channel)
        return channel in self.heard

    def _unsubscribe(self, *names: str) -> None:
        self.wanted -= set(names)
        self.heard -= set(names)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        gevent.sleep(0)

    def _reach(self, channel: str, note: notes.Note) -> None:
        """Publish a note: it reaches the relay, unless that is not listening."""
        if channel in self.heard:
            self.take(channel, note)

    # The database

    def member(self, user_id: int) -> bool:
        return bool(self.ranges[user_id]) and self.ranges[user_id][-1][1] == FOREVER

    def visible(self, user_id: int, seq: int) -> bool:
        return any(first <= seq <= last for first, last in self.ranges[user_id])

    def shown(self, user_id: int) -> range:
        """Returns the seqs that the user sees now: who came back sees nothing of before."""
        if not self.ranges[user_id]:
            return range(0)
        first, last = self.ranges[user_id][-1]
        return range(first, min(last, self.last_seq) + 1)

    def received(self, user_id: int) -> int:
        return max(self.delivered[user_id], self.shown(user_id).start - 1)

    def memberships(self, user_id: int) -> list[Membership]:
        if not self.member(user_id):
            return []
        return [Membership(NAME, self.ranges[user_id][-1][0], self.members_seq)]

    def tops(self, user_id: int) -> tuple[notes.Place, ...]:
        return ((NAME, self.received(user_id)),) if self.member(user_id) else ()

    def read(self, _rule: Any, *, user_ids: Collection[int]) -> dict[int, list[Membership]]:
        """Read memberships, while other things happen."""
        self.meanwhile()
        found = {user_id: self.memberships(user_id) for user_id in user_ids}
        self.meanwhile()
        return found

    def _store(self, *, came: Collection[int] = (), went: Collection[int] = ()) -> None:
        self.last_seq += 1
        seq = self.last_seq
        if came or went:
            self.members_seq = seq
        for user_id in came:
            self.ranges[user_id].append([seq, FOREVER])
        for user_id in went:
            self.ranges[user_id][-1][1] = seq
        text = frame("new_message", {"conversation_id": NAME, "seq": seq})
        note = notes.GroupMessage(NAME, seq, 9, text, bool(came or went), tuple(went))
        told: list[Note] = [(CHANNEL, note)]
        for user_id in came:
            told += [(channels.of_user(user_id), notes.Joined(NAME))]
            told += [(channels.of_user(user_id), notes.Message(NAME, seq, 9, text))]
        self.outbox.append(told)
        if not came and not went:
            self.fast.append(notes.FastGroupMessage(NAME, seq, 9, self.members_seq, text))

    def page(self, request: Any) -> notes.BacklogPage:
        connection_id, serial, user_id, _ = request
        seqs = [seq for seq in self.shown(user_id) if seq > self.received(user_id)]
        if not seqs:
            return notes.BacklogPage(connection_id, serial, tops=self.tops(user_id))
        return notes.BacklogPage(
            connection_id,
            serial,
            runs=((NAME, seqs[0] - 1, seqs[-1], True),),
            places=tuple((NAME, seq) for seq in seqs),
            frames=tuple(frame("new_message", {"conversation_id": NAME, "seq": seq}) for seq in seqs),
            tops=self.tops(user_id),
        )

    def add(self, proofs: Iterable[Proof], _told: object) -> None:
        """Store proofs, in place of the relay's Proofs and the workers."""
        for proof in proofs:
            if proof.after <= self.received(proof.user_id):
                upto = min(proof.upto, self.shown(proof.user_id).stop - 1)
                self.delivered[proof.user_id] = max(self.delivered[proof.user_id], upto)

    # What may happen at any moment

    def meanwhile(self) -> None:
        """Do what is planned next, while something waits."""
        for action in self.plan.pop(0) if self.plan else ():
            self.do(action)

    def do(self, action: Action) -> None:
        kind, number = action
        getattr(self, kind)(number)

    def others(self, _number: int) -> None:
        """Let the other greenlets of the relay go on."""
        self.turn()

    def say(self, _number: int) -> None:
        self._store()

    def come(self, number: int) -> None:
        user_id = USERS[number % len(USERS)]
        if not self.member(user_id):
            self._store(came=[user_id])

    def go(self, number: int) -> None:
        """Let somebody go, and the others talk on."""
        user_id = USERS[number % len(USERS)]
        if self.member(user_id):
            self._store(went=[user_id])
            self._store()

    def recall(self, number: int) -> None:
        seq = self.last_seq - number % self.last_seq
        text = frame("message_recalled", {"conversation_id": NAME, "id": seq, "seq": seq, "status": 4})
        self.outbox.append([(CHANNEL, notes.GroupFrame(NAME, seq, text))])

    def publish(self, number: int) -> None:
        """Let a worker publish the next events, or all."""
        for told in self.outbox[self.published :][: number or None]:
            self.published += 1
            for note in told:
                self._reach(*note)

    def publish_again(self, number: int) -> None:
        """Let a worker that was killed before it deleted events be followed by another, who publishes them again."""
        self.published = max(0, self.published - 1 - number)
        self.publish(0)

    def publish_fast(self, number: int) -> None:
        """Let a fast note come, early, late or twice."""
        if self.fast:
            self._reach(CHANNEL, self.fast[-1 - number % min(3, len(self.fast))])

    def lose(self, _number: int) -> None:
        self.listener.up = False
        self.heard.clear()

    def reopen(self, _number: int) -> None:
        """Let the channels be confirmed, and notes be heard, before the link counts as restored."""
        if not self.listener.up:
            self.heard |= self.wanted

    def restore(self, number: int) -> None:
        self.reopen(number)
        if not self.listener.up:
            self.listener.up = True
            self.restored()

    def answer(self, _number: int) -> None:
        """Let a worker read the page that is asked for next."""
        if self.requests:
            self.pages.append(self.page(self.requests.pop(0)))

    def arrive(self, _number: int) -> None:
        """Let the next page come, unless it is lost with the link."""
        if self.pages:
            page = self.pages.pop(0)
            if self.listener.up:
                self.take(channels.of_relay(self.hub.relay_id), page)

    def pong(self, number: int) -> None:
        """Let a device answer."""
        for connection, _ in self.open[number % 2 :: 2]:
            if ping := connection.due_ping():
                connection.pong(ping[2:])

    def idle(self, _number: int) -> None:
        """Let so much time go by that what nobody uses is given up."""
        self.now += 6
        self.hub.look_after()

    def connect(self, number: int) -> None:
        if len(self.open) >= MOST_CONNECTIONS:
            return
        user_id = USERS[number % len(USERS)]
        pages = SimpleNamespace(ask=self.requests.append, answered=lambda *_: None, gone=lambda *_: None)
        proofs: Any = self
        connection = Connection(Claims(user_id, FOREVER, None, None), proofs, pages)  # type: ignore[arg-type]
        client: Any = connection.outbound
        client.on_frame = lambda kind, content: self._check(client, user_id, kind, content)
        self.running.spawn(self._welcome, connection, client)

    def _welcome(self, connection: Connection, client: Client) -> None:
        """Do what realtime/socket.py does."""
        user_id = connection.claims.user_id
        assert self.hub.join(connection)
        self.open.append((connection, client))
        confirmed = self.hub.subscribed(connection).wait()
        since = self.hub.groups.mark()
        self.meanwhile()
        found, tops = self.memberships(user_id), self.tops(user_id)
        waits = self.received(user_id) < self.shown(user_id).stop - 1
        self.meanwhile()
        complete = self.hub.admit(connection, found, since, confirmed=confirmed)
        connection.welcome(0, 0, tops if complete and not waits else None)

    def disconnect(self, number: int) -> None:
        if self.open:
            connection, _ = self.open.pop(number % len(self.open))
            self.hub.leave(connection)

    def _check(self, client: Client, user_id: int, kind: str, content: Any) -> None:
        if kind in ("hello", "resync"):
            client.seen |= set(self.shown(user_id))
        elif kind in ("new_message", "message_recalled"):
            if not self.visible(user_id, content["seq"]):
                self.violations.append(f"user {user_id} got {kind} {content['seq']}")
            if kind == "new_message":
                client.seen.add(content["seq"])
                self.given[user_id].add(content["seq"])

    def settle(self) -> None:
        """Let all come to rest: the link is whole, all is published, and all devices answer."""
        self.plan.clear()
        self.restore(0)
        for _ in range(20):
            self.now += 10
            while self.published < len(self.outbox):
                self.publish(0)
            self.turn()
            while self.requests or self.pages:
                self.answer(0)
                self.arrive(0)
            self.pong(0)
            self.pong(1)

    def turn(self) -> None:
        """Let all greenlets that can go on do so."""
        for _ in range(8):
            gevent.sleep(0)


KINDS = (
    *("say", "come", "go", "recall", "publish", "publish_again", "publish_fast", "pong", "answer", "arrive"),
    *("lose", "reopen", "restore", "idle", "connect", "disconnect", "others"),
)
NUMBER = st.integers(0, 5)
USER = st.integers(0, len(USERS) - 1)
PLANS = st.lists(st.lists(st.tuples(st.sampled_from(KINDS), NUMBER), max_size=3), max_size=4)


class Life(RuleBasedStateMachine):
    """What happens to the group, in random order."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()

    def do(self, kind: str, number: int, plan: Collection[list[Action]] = ()) -> None:
        """Do one thing, and what is planned whenever something waits meanwhile."""
        self.house.plan = list(plan)
        self.house.do((kind, number))
        self.house.turn()

    @initialize(here=st.integers(0, len(USERS)))
    def some_are_here(self, here: int) -> None:
        for user in range(here):
            self.do("connect", user)
        self.house.settle()

    @rule(user=USER, plan=PLANS)
    def somebody_connects(self, user: int, plan: list[list[Action]]) -> None:
        self.do("connect", user, plan)

    @rule(number=NUMBER)
    def a_connection_ends(self, number: int) -> None:
        self.do("disconnect", number)

    @rule(user=USER, plan=PLANS)
    def somebody_joins(self, user: int, plan: list[list[Action]]) -> None:
        self.do("come", user)
        self.do("publish", 0, plan)

    @rule(user=USER, kind=st.sampled_from(["say", "publish_fast", "publish"]))
    def somebody_goes(self, user: int, kind: str) -> None:
        self.do("go", user)
        self.do(kind, 0)

    @rule(
        user=USER,
        amid=st.lists(st.sampled_from(["say", "go", "come", "publish", "connect", "others"]), min_size=1, max_size=4),
        then=st.sampled_from(["publish_fast", "say"]),
    )
    def things_happen_right_after_hello_is_read(self, user: int, amid: list[str], then: str) -> None:
        """They come between what `hello` says and what is made of it. `connect` is of somebody else."""
        plan = [(kind, user + 1 if kind == "connect" else 0 if kind == "publish" else user) for kind in amid]
        self.do("connect", user, [[], [], plan])
        for kind in ("answer", "arrive", then, "publish_fast"):
            self.do(kind, 0)

    @rule(kind=st.sampled_from(["say", "recall"]), number=NUMBER)
    def somebody_talks(self, kind: str, number: int) -> None:
        self.do(kind, number)

    @rule(kind=st.sampled_from(["publish", "publish_again", "publish_fast"]), number=NUMBER)
    def something_is_published(self, kind: str, number: int) -> None:
        self.do(kind, number)

    @rule(kind=st.sampled_from(["answer", "arrive", "pong"]), number=NUMBER)
    def a_backlog_goes_on(self, kind: str, number: int) -> None:
        self.do(kind, number)

    @rule(kind=st.sampled_from(["lose", "reopen", "restore"]), plan=PLANS)
    def the_link_changes(self, kind: str, plan: list[list[Action]]) -> None:
        self.do(kind, 0, plan)

    @rule()
    def time_goes_by(self) -> None:
        self.do("idle", 0)

    @invariant()
    def nobody_gets_what_they_must_not(self) -> None:
        assert self.house.violations == []

    def teardown(self) -> None:
        """Check at the end that nobody has missed what they must see, nor misses what is said then."""
        try:
            for _ in range(2):
                self.house.settle()
                self._check_that_nobody_has_missed_anything()
                self.house.say(0)
        finally:
            self.house.running.kill()

    def _check_that_nobody_has_missed_anything(self) -> None:
        house = self.house
        assert house.violations == []
        for connection, client in house.open:
            user_id = connection.claims.user_id
            assert set(house.shown(user_id)) <= client.seen, f"user {user_id}"
            waiting = {seq for seq in house.shown(user_id) if seq > house.delivered[user_id]}
            assert waiting <= house.given[user_id], f"user {user_id}"


def test_everybody_gets_what_is_theirs_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "Outbound", Client)
    monkeypatch.setattr(memberships_module, "read", lambda rule, **asked: House.current.read(rule, **asked))
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Life,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
