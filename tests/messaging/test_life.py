"""Tests that tables and clients agree with a plain model, whatever happens to messages in whatever order.

IM_PROPERTY_EXAMPLES sets how many random sequences are tried, 500 by default.
"""

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.outbox import Kind
from messaging.audit import audit
from messaging.conversation_id import shard_of
from messaging.conversation_update import arrange
from messaging.conversations import conversations
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.delivered import Proof, Stored
from messaging.directory import may_talk
from messaging.errors import Code, Refused
from messaging.events import Announcement
from messaging.history import history
from messaging.read import Read, read
from messaging.recall import recall
from messaging.send import Sent, send
from messaging.sync import Sync, sync
from tests.messaging import release_before
from tests.messaging.conftest import ALICE, BOB, CAROL, applying, draft, proving, publishing
from workers.batches import Applied

EXAMPLES = int(os.environ.get("IM_PROPERTY_EXAMPLES", "500"))
STEPS = 18
WINDOW = 120
PLACEHOLDER = "[消息已撤回]"
LEGAL = {1: {1, 2, 3, 4, 5}, 2: {2, 3, 4, 5}, 3: {3, 4, 5}, 4: {4, 5}, 5: {5}}


@dataclass
class Said:
    """A message of the model, as the contract describes it."""

    id: int
    seq: int
    sender: int
    type: int
    content: str
    key: str
    sent: datetime
    change_seq: int
    status: int = 1
    hidden: set[int] = field(default_factory=set)

    def shown_to(self, user: int) -> tuple[int, str]:
        """Returns the status and the content that a user sees."""
        if self.status == 5 or user in self.hidden:
            return 5, ""
        return self.status, PLACEHOLDER if self.status == 4 else self.content


@dataclass
class View:
    """One user's state in a conversation. Unread count and preview are not kept but computed by `Talk`."""

    user: int
    last_seq: int = 0
    change_seq: int = 0
    read_seq: int = 0
    delivered_seq: int = 0
    hidden: bool = False
    top: bool = False
    mute: bool = False


@dataclass
class Told:
    """An event in the outbox of the model. `applied` says that a worker of the release before has marked it."""

    kind: Kind
    change_seq: int
    users: tuple[int, ...]
    message: Said | None
    applied: bool = False


@dataclass
class Talk:
    """A conversation of two members."""

    name: str
    users: tuple[int, int]
    messages: list[Said] = field(default_factory=list)
    change_seq: int = 0
    views: dict[int, View] = field(default_factory=dict)
    events: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.views = {user: View(user) for user in self.users}

    @property
    def shard(self) -> int:
        return shard_of(self.name, 16)

    def peer(self, user: int) -> int:
        return self.users[0] + self.users[1] - user

    def changed(self, kind: Kind, *users: int, message: Said | None = None) -> int:
        self.change_seq += 1
        self.events.append(Told(kind, self.change_seq, users or self.users, message))
        return self.change_seq

    def unread(self, user: int) -> list[Said]:
        """Returns the unread messages of a user by the contract's definition."""
        view = self.views[user]
        return [
            message
            for message in self.messages
            if view.read_seq < message.seq <= view.last_seq
            and message.sender != user
            and message.type != 0
            and message.status in (1, 2)
            and user not in message.hidden
        ]

    def preview(self, user: int) -> Said | None:
        seen = [message for message in self.visible(user) if message.seq <= self.views[user].last_seq]
        return seen[-1] if seen else None

    def visible(self, user: int) -> list[Said]:
        return [message for message in self.messages if message.shown_to(user)[0] != 5]

    def read_up_to(self, user: int, seq: int) -> None:
        view = self.views[user]
        if seq <= view.read_seq:
            return
        for message in self.messages[:seq]:
            if message.sender != user and message.status in (1, 2):
                message.status = 3
        view.read_seq = seq
        view.delivered_seq = max(view.delivered_seq, seq)
        self.changed(Kind.READ)

    def apply(self, events: Sequence[Told]) -> None:
        for event in events:
            for user in event.users:
                self._apply(event, self.views[user])

    def _apply(self, event: Told, view: View) -> None:
        view.change_seq = max(view.change_seq, event.change_seq)
        if event.kind != Kind.SENT or event.message is None or event.message.seq <= view.last_seq:
            return
        view.last_seq = event.message.seq
        view.hidden = False
        if event.message.sender == view.user and view.delivered_seq == event.message.seq - 1:
            view.delivered_seq = event.message.seq


@dataclass
class Drain:
    """A drain between its two transactions: what it has applied, and the same events of the model."""

    talk: Talk
    applied: Applied
    events: list[Told]


class Client:
    """A client as the contract wants it: it keeps what it hears, and asks by `sync` for what it may have missed.

    It takes frames in the order in which they come. It holds a change_seq for complete only when every change up to it
    has come, or when `sync` has said so.
    """

    def __init__(self, user: int) -> None:
        self.user = user
        self.messages: dict[str, dict[int, dict[str, Any]]] = {}
        self.heads: dict[str, int] = {}
        self.changes: dict[str, int] = {}
        self.read: dict[str, dict[int, int]] = {}  # conversation → user → read_seq
        self.chosen: dict[str, tuple[bool, bool]] = {}  # is_top, is_mute

    def hear(self, frame: Announcement) -> None:
        name = frame.content["conversation_id"]
        self._know(name)
        if frame.kind == "resync":
            return
        change_seq = frame.content["change_seq"]
        if frame.kind == "read_receipt":
            self._read(name, frame.content)
        else:
            self._hold(name, frame.content)
        if change_seq == self.changes[name] + 1:
            self.changes[name] = change_seq

    def take(self, session: Session, now: datetime) -> bool:
        """Call sync once. Returns whether to call again."""
        answer = sync(session, now, user_id=self.user, heads=self.heads, changes=dict(self.changes))
        for moved in answer.conversations:
            view = moved.conversation
            name = view["conversation_id"]
            self._know(name)
            for message in moved.messages:
                self._hold(name, message)
            self.read[name] |= {self.user: view["read_seq"], view["friend_id"]: view["peer_read_seq"]}
            self.chosen[name] = (view["is_top"], view["is_mute"])
            if not moved.truncated:
                self.changes[name] = max(self.changes[name], view["change_seq"])
        return answer.truncated or any(moved.truncated for moved in answer.conversations)

    def status(self, name: str, message: dict[str, Any]) -> int:
        """Returns a message's status. A receipt covers all up to its seq, so it is not written into each message."""
        reader = message["to_user_id"]
        known: int = message["status"]
        return 3 if known < 3 and message["seq"] <= self.read[name].get(reader, 0) else known

    def visible(self, name: str) -> list[dict[str, Any]]:
        held = self.messages.get(name, {})
        return [held[seq] for seq in sorted(held) if held[seq]["status"] != 5]

    def unread(self, name: str) -> int:
        return sum(
            message["from_user_id"] != self.user and message["message_type"] != 0 and self.status(name, message) < 3
            for message in self.visible(name)
        )

    def _know(self, name: str) -> None:
        self.messages.setdefault(name, {})
        self.read.setdefault(name, {})
        self.heads.setdefault(name, 0)
        self.changes.setdefault(name, 0)

    def _hold(self, name: str, message: dict[str, Any]) -> None:
        held = self.messages[name]
        known = held.get(message["seq"])
        if known is None or (known["change_seq"], known["status"]) <= (message["change_seq"], message["status"]):
            held[message["seq"]] = dict(message)
        while self.heads[name] + 1 in held:
            self.heads[name] += 1

    def _read(self, name: str, receipt: dict[str, Any]) -> None:
        by = self.read[name]
        by[receipt["user_id"]] = max(by.get(receipt["user_id"], 0), receipt["read_seq"])
        for message in self.messages[name].values():
            if message["id"] == receipt["message_id"] and message["status"] < 3:
                message |= {"status": 3, "change_seq": receipt["change_seq"]}


class RedisIsAway(Exception):
    """Raised by `announce` when publishing shall fail."""


Mask = st.integers(0, 255)
Talks = st.sampled_from([0, 0, 0, 1])
Sides = st.sampled_from([0, 1])
Bits = st.booleans()
Places = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 8])  # 0 is the newest message: a few newest ones are picked most
Who = st.sampled_from(["sender", "sender", "other", "other", "stranger"])
Choice = st.sampled_from([None, True, False])


class Life(RuleBasedStateMachine):
    """A machine whose rules do the same to the tables and to the model, and that compares the two after each rule."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.raw_connection()
        self.db: sqlite3.Connection = self.connection.driver_connection  # type: ignore[assignment]
        for table in ("im_message", "im_conversation", "im_conversation_head", "im_outbox", "im_message_hidden"):
            self.db.execute(f"DELETE FROM {table}")
        self.db.commit()
        self.now = datetime.fromisoformat("2026-01-01")
        self.talks = [Talk("1_2", (ALICE, BOB)), Talk("1_3", (ALICE, CAROL))]
        self.drains: list[Drain] = []
        self.statuses: dict[int, int] = {}
        self.contents = count(1)
        self.chance = Random(0)
        self.listening = [Client(user) for user in (ALICE, BOB, CAROL)]  # hear everything
        self.deaf = [Client(user) for user in (ALICE, BOB, CAROL)]  # hear some frames

    # What users do

    @initialize(seed=st.integers(0, 255), senders=st.lists(Sides, max_size=4), drained=Bits, synced=Bits)
    def born(self, seed: int, senders: Sequence[int], drained: bool, synced: bool) -> None:
        self.chance = Random(seed)
        if senders:
            self.send(0, senders, 1)
        if drained:
            self._drain(self.talks[0])
        if synced:
            self.clients_sync()

    @rule(seconds=st.sampled_from([1, 59, 60, WINDOW, WINDOW + 1]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(talk=Talks, senders=st.lists(Sides, min_size=1, max_size=3), kind=st.sampled_from([1, 1, 1, 1, 0]))
    def send(self, talk: int, senders: Sequence[int], kind: int) -> None:
        of = self.talks[talk]
        drafts = []
        for side in senders:
            user, content = of.users[side], f"text {next(self.contents)}"
            drafts.append(draft(user, of.peer(user), content, message_type=kind, client_msg_id=content))
        answers = self._do(send, drafts=drafts, may_talk=may_talk)
        for one, answer in zip(drafts, answers, strict=True):
            assert isinstance(answer, Sent)
            assert (answer.duplicate, answer.shard) == (False, of.shard)
            said = Said(
                answer.message["id"],
                len(of.messages) + 1,
                one.from_user_id,
                kind,
                one.content,
                one.content,
                self.now,
                of.change_seq + 1,
            )
            of.messages.append(said)
            of.changed(Kind.SENT, message=said)

    @precondition(lambda self: self._any())
    @rule(place=Places)
    def send_again(self, place: int) -> None:
        talk, said = self._pick(place)
        one = draft(said.sender, talk.peer(said.sender), said.content, message_type=said.type, client_msg_id=said.key)
        (answer,) = self._do(send, drafts=[one], may_talk=may_talk)
        assert isinstance(answer, Sent)
        assert (answer.duplicate, answer.shard, answer.message["seq"]) == (True, None, said.seq)

    @precondition(lambda self: self._any())
    @rule(place=Places, who=Who)
    def read_one(self, place: int, who: str) -> None:
        talk, said = self._pick(place)
        user = self._user(talk, said, who)
        refused = Code.NO_SUCH_MESSAGE if who == "stranger" else Code.FORBIDDEN if user == said.sender else None
        answer = self._try(refused, read, user_id=user, message_id=said.id)
        if refused is None:
            if said.status in (1, 2):
                said.status = 3
                said.change_seq = talk.changed(Kind.READ, message=said)
            self._answered(talk, user, answer)

    @precondition(lambda self: self._any())
    @rule(place=Places, who=Who)
    def read_up_to(self, place: int, who: str) -> None:
        talk, said = self._pick(place)
        user = self._user(talk, said, who)
        refused = Code.NO_SUCH_CONVERSATION if who == "stranger" else None
        answer = self._try(refused, read, user_id=user, conversation_id=talk.name, message_id=said.id)
        if refused is None:
            talk.read_up_to(user, said.seq)
            self._answered(talk, user, answer)

    @rule(talk=Talks, side=Sides)
    def read_all(self, talk: int, side: int) -> None:
        of = self.talks[talk]
        answer = self._do(read, user_id=of.users[side], conversation_id=of.name)
        of.read_up_to(of.users[side], len(of.messages))
        self._answered(of, of.users[side], answer)

    @precondition(lambda self: self._any())
    @rule(place=Places, who=Who)
    def recall(self, place: int, who: str) -> None:
        talk, said = self._pick(place)
        user = self._user(talk, said, who)
        refused = self._no_recall(said, user, stranger=who == "stranger")
        self._try(refused, recall, user_id=user, message_id=said.id)
        if refused is None:
            said.status = 4
            said.change_seq = talk.changed(Kind.RECALLED, message=said)

    def _no_recall(self, said: Said, user: int, *, stranger: bool) -> Code | None:
        if stranger:
            return Code.NO_SUCH_MESSAGE
        if user != said.sender or said.type == 0:
            return Code.FORBIDDEN
        if said.status >= 4:
            return Code.ALREADY_WITHDRAWN
        return Code.RECALL_TOO_LATE if self.now - said.sent > timedelta(seconds=WINDOW) else None

    @precondition(lambda self: self._any())
    @rule(place=Places, who=Who)
    def delete_for_everyone(self, place: int, who: str) -> None:
        talk, said = self._pick(place)
        refused = Code.NO_SUCH_MESSAGE if who == "stranger" else Code.ALREADY_WITHDRAWN if said.status == 5 else None
        self._try(refused, delete_for_everyone, user_id=self._user(talk, said, who), message_id=said.id)
        if refused is None:
            said.status = 5
            said.change_seq = talk.changed(Kind.DELETED, message=said)

    @precondition(lambda self: self._any())
    @rule(place=Places, who=Who)
    def delete_for_oneself(self, place: int, who: str) -> None:
        talk, said = self._pick(place)
        user = self._user(talk, said, who)
        refused = Code.NO_SUCH_MESSAGE if who == "stranger" else None
        self._try(refused, delete_for_oneself, user_id=user, message_id=said.id)
        if refused is None and user not in said.hidden:
            said.hidden.add(user)
            said.change_seq = talk.changed(Kind.HIDDEN, user, message=said)

    @rule(talk=Talks, side=Sides, start=st.sampled_from([-2, 0, 0, 0, 0, 1, 2]), length=st.integers(0, 6))
    def a_device_answers(self, talk: int, side: int, start: int, length: int) -> None:
        of = self.talks[talk]
        view = of.views[of.users[side]]
        proof = Proof(
            view.user, of.name, max(0, view.delivered_seq + start), max(0, view.delivered_seq + start) + length
        )
        upto = min(proof.upto, len(of.messages))
        early = view.delivered_seq < proof.after and view.last_seq < proof.after <= len(of.messages)
        holds = proof.after <= view.delivered_seq and proof.after < upto
        expected = Stored([replace(proof, upto=upto)] if holds else [], [proof] if early else [])
        assert self._do(proving(proof)) == expected
        if not holds:
            return
        for message in of.messages[view.delivered_seq : upto]:
            if message.sender != view.user and message.status == 1:
                message.status = 2
        view.delivered_seq = max(view.delivered_seq, upto)

    @rule(talk=Talks, side=Sides, top=Choice, mute=Choice, hide=Choice)
    def arrange(self, talk: int, side: int, top: bool | None, mute: bool | None, hide: bool | None) -> None:
        of = self.talks[talk]
        view = of.views[of.users[side]]
        given = {"is_top": top, "is_mute": mute, "del_state": hide}
        refused = Code.INVALID if set(given.values()) == {None} else None
        answer = self._try(refused, arrange, user_id=view.user, conversation_id=of.name, **given)
        if refused is None:
            view.top = view.top if top is None else top
            view.mute = view.mute if mute is None else mute
            view.hidden = view.hidden if hide is None else hide
            view.change_seq = of.changed(Kind.CHANGED, view.user)
            told = answer.conversation
            assert (told["is_top"], told["is_mute"], answer.shard) == (view.top, view.mute, of.shard)

    # What workers do

    @rule(talk=Talks, limit=st.integers(1, 8))
    def apply(self, talk: int, limit: int) -> None:
        """Begin a drain, beside those that have begun: they may hold the same events."""
        of = self.talks[talk]
        events = of.events[:limit]
        applied = self._do(applying(of.shard, limit=limit))
        assert applied.count == len(events)
        of.apply(events)
        if events:
            self.drains.append(Drain(of, applied, events))

    @precondition(lambda self: self.drains)
    @rule(place=st.integers(0, 7))
    def a_drain_dies(self, place: int) -> None:
        del self.drains[place % len(self.drains)]

    @precondition(lambda self: self.drains)
    @rule(place=st.integers(0, 7), heard=Mask, fails=st.sampled_from([False, False, True]))
    def publish(self, place: int, heard: int, fails: bool) -> None:
        self._publish(self.drains.pop(place % len(self.drains)), heard, fails=fails)

    @rule(talk=Talks, limit=st.integers(1, 8))
    def a_worker_of_the_release_before_applies(self, talk: int, limit: int) -> None:
        of = self.talks[talk]
        events = [event for event in of.events if not event.applied][:limit]
        assert self._do(release_before.apply_batch, shard=of.shard, limit=limit) == len(events)
        of.apply(events)
        for event in events:
            event.applied = True

    @rule(talk=Talks, limit=st.integers(1, 8), heard=Mask)
    def a_worker_of_the_release_before_publishes(self, talk: int, limit: int, heard: int) -> None:
        of = self.talks[talk]
        due = [event for event in of.events if event.applied][:limit]
        announce = self._announcing(of, heard, fails=False)
        assert self._do(release_before.publish_batch, shard=of.shard, limit=limit, publish=announce) == len(due)
        of.events = [event for event in of.events if event not in due]

    @rule()
    def clients_sync(self) -> None:
        for client in self.deaf[:2]:
            self._sync(client)

    # What must hold

    @invariant()
    def the_tables_are_as_the_model_says(self) -> None:
        for talk in self.talks:
            self._check_head(talk)
            self._check_messages(talk)
            for view in talk.views.values():
                self._check_view(talk, view)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self._end()
        self.connection.close()

    def _end(self) -> None:
        talks = [talk for talk in self.talks if talk.change_seq]
        users = {user for talk in talks for user in talk.users}
        for talk in talks:
            self._drain(talk)
        self.the_tables_are_as_the_model_says()
        assert self._rows("SELECT * FROM im_outbox") == []
        for talk in talks:
            assert self._do(audit, conversation_id=talk.name, repair=False).drift == []
        histories = {(talk.name, user): self._history(talk, user) for talk in talks for user in talk.users}
        for user in users:
            self._check_list(user)
        for client in self.listening:
            self._check_client(client, histories, synced=False)
        for client in (*self.listening, *self.deaf):
            if client.user in users:
                self._sync(client)
                self._check_client(client, histories, synced=True)
                assert not self._moved(client).conversations, "who has everything gets nothing"

    def _moved(self, client: Client) -> Sync:
        answer: Sync = self._do(sync, user_id=client.user, heads=client.heads, changes=client.changes)
        return answer

    def _drain(self, talk: Talk) -> None:
        while talk.events:
            self.apply(self.talks.index(talk), 30)
            self._publish(self.drains.pop(), self.chance.randrange(256), fails=False)

    def _check_head(self, talk: Talk) -> None:
        expected = [(len(talk.messages), talk.change_seq)] if talk.change_seq else []
        head = "SELECT last_seq, change_seq FROM im_conversation_head WHERE conversation_id = ?"
        assert self._rows(head, talk.name) == expected

    def _check_messages(self, talk: Talk) -> None:
        columns = "SELECT id, seq, status, change_seq, content FROM im_message WHERE conversation_id = ? ORDER BY seq"
        stored = self._rows(columns, talk.name)
        assert stored == [(m.id, m.seq, m.status, m.change_seq, m.content) for m in talk.messages]
        assert [row[1] for row in stored] == list(range(1, len(stored) + 1))
        for message_id, _, status, *_ in stored:
            assert status in LEGAL[self.statuses.get(message_id, 1)]
            self.statuses[message_id] = status

    def _check_view(self, talk: Talk, view: View) -> None:
        rows = self._rows(
            "SELECT last_seq, change_seq, read_seq, delivered_seq, del_state, is_top, is_mute, unread_count, "
            "last_message_id FROM im_conversation WHERE conversation_id = ? AND user_id = ?",
            talk.name,
            view.user,
        )
        last = talk.preview(view.user)
        counters = (view.last_seq, view.change_seq, view.read_seq, view.delivered_seq)
        chosen = (view.hidden, view.top, view.mute)
        expected = (*counters, *chosen, len(talk.unread(view.user)), last.id if last else None)
        assert rows == [expected] or (not rows and expected == (0, 0, 0, 0, False, False, False, 0, None))

    def _history(self, talk: Talk, user: int) -> list[dict[str, Any]]:
        """Returns the history of a conversation that a user sees, checked in both directions."""
        backward: list[dict[str, Any]] = []
        forward: list[dict[str, Any]] = []
        more = True
        while more:
            before = backward[0]["seq"] if backward else None
            page = self._do(history, user_id=user, conversation_id=talk.name, before_seq=before, limit=4)
            backward, more = [*page.messages, *backward], page.has_more
        more = True
        while more:
            after = forward[-1]["seq"] if forward else 0
            page = self._do(history, user_id=user, conversation_id=talk.name, after_seq=after, limit=5)
            forward, more = [*forward, *page.messages], page.has_more
        assert backward == forward
        assert [_shown(message) for message in forward] == [(m.id, *m.shown_to(user)) for m in talk.visible(user)]
        return forward

    def _check_list(self, user: int) -> None:
        talks = [talk for talk in self.talks if user in talk.users and self._rows(
            "SELECT 1 FROM im_conversation WHERE user_id = ? AND conversation_id = ?", user, talk.name)]  # fmt: skip
        shown = [talk for talk in talks if not talk.views[user].hidden]
        page = self._do(conversations, user_id=user, page=1, limit=20)
        assert page.total == len(shown)
        assert page.total_unread == sum(len(talk.unread(user)) for talk in shown if not talk.views[user].mute)
        order = [
            (each["is_top"], each["last_message"]["id"] if each["last_message"] else 0) for each in page.conversations
        ]
        assert order == sorted(order, reverse=True)
        for told in page.conversations:
            (talk,) = (talk for talk in shown if talk.name == told["conversation_id"])
            mine, peers, last = talk.views[user], talk.views[talk.peer(user)], talk.preview(user)
            assert (told["read_seq"], told["peer_read_seq"]) == (mine.read_seq, peers.read_seq)
            assert (told["peer_delivered_seq"], told["last_seq"]) == (peers.delivered_seq, mine.last_seq)
            assert (told["unread_count"], told["friend_id"]) == (len(talk.unread(user)), peers.user)
            assert (_shown(told["last_message"]) if told["last_message"] else None) == (
                (last.id, *last.shown_to(user)) if last else None
            )

    def _check_client(self, client: Client, histories: dict[Any, list[dict[str, Any]]], *, synced: bool) -> None:
        """Fails unless the client holds what history and the list say. Exceptions, which no change_seq announces:

        - delivery alone: status 1 for 2, and peer_delivered_seq;
        - change_seq and update_time of a message that the other has deleted for themselves;
        - whether a conversation is hidden (del_state): only the list says it.
        """
        for talk in self.talks:
            if client.user not in talk.users or not talk.messages:
                continue
            name, view, last = talk.name, talk.views[client.user], talk.preview(client.user)
            assert sorted(client.messages[name]) == list(range(1, len(talk.messages) + 1))
            told = [_lasting(message, message["status"]) for message in histories[name, client.user]]
            held = [_lasting(message, client.status(name, message)) for message in client.visible(name)]
            assert held == told
            by = client.read[name]
            for user in talk.users:
                assert by.get(user, 0) == talk.views[user].read_seq
            assert client.unread(name) == len(talk.unread(client.user))
            assert [message["id"] for message in client.visible(name)[-1:]] == ([last.id] if last else [])
            if synced:
                assert view.change_seq <= client.changes[name] <= talk.change_seq
                assert client.chosen.get(name, (False, False)) == (view.top, view.mute)

    # How it is done

    def _any(self) -> bool:
        return any(talk.messages for talk in self.talks)

    def _pick(self, place: int) -> tuple[Talk, Said]:
        """Returns the message at an index, counted from the newest, and its conversation."""
        said = [(talk, message) for talk in self.talks for message in talk.messages]
        said.sort(key=lambda each: each[1].id, reverse=True)
        return said[place % len(said)]

    def _user(self, talk: Talk, said: Said, who: str) -> int:
        return {"sender": said.sender, "other": talk.peer(said.sender), "stranger": 9}[who]

    def _answered(self, talk: Talk, user: int, answer: Read) -> None:
        assert (answer.conversation_id, answer.read_seq) == (talk.name, talk.views[user].read_seq)
        assert answer.unread_count == len(talk.unread(user))

    def _do(self, of: Callable[..., Any], **arguments: Any) -> Any:
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session, session.begin():
            return of(session, self.now, **arguments)

    def _try(self, refused: Code | None, of: Callable[..., Any], **arguments: Any) -> Any:
        if refused is None:
            return self._do(of, **arguments)
        with pytest.raises(Refused) as error:
            self._do(of, **arguments)
        assert error.value.code == refused
        return None

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.db.execute(query, values).fetchall()

    def _publish(self, drain: Drain, heard: int, *, fails: bool) -> None:
        """Publish what of a drain is left. When it fails, some users have the frames, but the events stay."""
        left = [event for event in drain.events if event in drain.talk.events]
        announce = self._announcing(drain.talk, heard, fails=fails)
        try:
            assert self._do(publishing(drain.applied, announce)).done == len(left)
        except RedisIsAway:
            return
        drain.talk.events = [event for event in drain.talk.events if event not in left]

    def _announcing(self, talk: Talk, heard: int, *, fails: bool) -> Callable[[Sequence[Announcement]], None]:
        by_id = {message.id: message for message in talk.messages}

        def announce(frames: Sequence[Announcement]) -> None:
            for place, frame in enumerate(frames):
                if "seq" in frame.content:
                    for user in frame.user_ids:
                        assert _shown(frame.content)[1:] == by_id[frame.content["id"]].shown_to(user)
                for client in self.listening:
                    if client.user in frame.user_ids:
                        client.hear(frame)
                for client in self.deaf:
                    if client.user in frame.user_ids and heard >> (place + client.user) % 8 & 1:
                        client.hear(frame)
            if fails:
                raise RedisIsAway

        return announce

    def _sync(self, client: Client) -> None:
        while self._do(lambda session, now: client.take(session, now)):
            pass


def _shown(message: dict[str, Any]) -> tuple[int, int, str]:
    return message["id"], message["status"], message["content"]


def _lasting(message: dict[str, Any], status: int) -> dict[str, Any]:
    """Returns a Message without the fields that a client cannot know."""
    return message | {"status": max(status, 2), "change_seq": 0, "update_time": 0}


@pytest.mark.timeout(180 + EXAMPLES // 4)
def test_every_life_ends_as_the_contract_says(in_memory: Engine) -> None:
    Life.engine = in_memory
    lives = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    try:
        run_state_machine_as_test(Life, settings=lives)
    finally:
        in_memory.dispose()
