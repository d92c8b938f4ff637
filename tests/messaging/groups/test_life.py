"""Tests that the tables of two groups agree with a plain model, whatever six users do in them in whatever order.

IM_PROPERTY_EXAMPLES sets how many random sequences are tried, 300 by default.
"""

import os
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from messaging.audit import audit
from messaging.conversation_id import group, shard_of
from messaging.conversation_update import arrange
from messaging.conversations import conversations, unread
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.delivered import Proof
from messaging.directory import may_talk
from messaging.draft import make
from messaging.errors import Code, Refused
from messaging.events.event import Told
from messaging.groups.create import create
from messaging.groups.join import join
from messaging.groups.remove import leave, remove
from messaging.groups.rule import set_role
from messaging.history import history
from messaging.read import read
from messaging.recall import recall
from messaging.send import Sent, send
from messaging.sync import sync
from tests.messaging.conftest import ALICE, BOB, applying, proving, publishing
from workers.batches import Applied

EXAMPLES = int(os.environ.get("IM_PROPERTY_EXAMPLES", "300"))
STEPS = 25
WINDOW = 120
USERS = (1, 2, 3, 4, 5, 6)
TABLES = (
    *("im_message", "im_conversation", "im_conversation_head", "im_outbox", "im_message_hidden", "im_mention"),
    *("im_group", "im_group_member", "im_group_request"),
)


@dataclass
class Said:
    """A message of the model. A system message has type 0 and is never unread."""

    id: int
    seq: int
    sender: int
    type: int
    content: str
    sent: datetime
    mentioned: frozenset[int] = frozenset()
    status: int = 1
    hidden: set[int] = field(default_factory=set)

    def shown_to(self, user: int) -> int:
        """Returns the status that a user sees."""
        return 5 if user in self.hidden else self.status


@dataclass
class Seat:
    """What a user has of a group in which they are, or were: `upto` is None while they are in it."""

    first: int
    upto: int | None = None
    read_seq: int = 0
    hidden_at: int = 0
    mute: bool = False


@dataclass
class Team:
    """A group: its owner is its admin as well, and so is one more."""

    id: int
    owner: int
    admin: int
    messages: list[Said] = field(default_factory=list)
    seats: dict[int, Seat] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return group(self.id)

    def has(self, user: int) -> bool:
        return user in self.seats and self.seats[user].upto is None

    def seen_by(self, user: int) -> list[Said]:
        """Returns the messages in a user's range, tombstones among them."""
        seat = self.seats.get(user)
        return self.messages[seat.first - 1 : seat.upto] if seat else []

    def unread(self, user: int) -> list[Said]:
        return [
            said
            for said in self.seen_by(user)
            if said.seq > self.seats[user].read_seq
            and said.sender != user
            and said.type != 0
            and said.shown_to(user) == 1
        ]

    def mentions(self, user: int) -> int:
        return sum(bool(said.mentioned & {0, user}) for said in self.unread(user))


Talks = st.sampled_from([0, 0, 1])
Who = st.sampled_from(USERS)
Places = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 8])  # 0 is the newest message
Bits = st.booleans()


class GroupLife(RuleBasedStateMachine):
    """A machine whose rules do the same to the tables and to the model, and that compares the two after each rule."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.connection = self.engine.raw_connection()
        self.db: sqlite3.Connection = self.connection.driver_connection  # type: ignore[assignment]
        for table in TABLES:
            self.db.execute(f"DELETE FROM {table}")
        self.db.commit()
        self.now = datetime.fromisoformat("2026-01-01")
        self.contents = count(1)
        self.applied: list[Applied] = []
        self.teams = [self._team(ALICE, BOB), self._team(BOB, ALICE)]

    def _team(self, owner: int, admin: int) -> Team:
        made = self._do(create, actor_id=owner, member_ids=[], may_talk=may_talk, name="us").answer["group"]
        team = Team(made["id"], owner, admin)
        self._changed(team, owner)
        team.seats[owner] = Seat(1)
        self._join(team, admin)
        self._do(set_role, actor_id=owner, group_id=team.id, user_id=admin, role=2)
        self._changed(team, owner)
        return team

    # What users do

    @rule(seconds=st.sampled_from([1, 60, WINDOW + 1]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(talk=Talks, user=Who, mentioned=st.sampled_from([None, None, 0, *USERS]), again=Bits)
    def send(self, talk: int, user: int, mentioned: int | None, again: bool) -> None:
        team, content = self.teams[talk], f"text {next(self.contents)}"
        refused = self._no_send(team, user, mentioned)
        named = {} if mentioned is None else {"extra": {"mentions": [mentioned or "all"]}}
        one = make(user, group_id=team.id, content=content, client_msg_id=content, **named)
        for _ in range(1 + again):
            (answer,) = self._do(send, drafts=[one], may_talk=may_talk)
            assert (answer.code if isinstance(answer, Refused) else None) == refused
        if isinstance(answer, Sent):
            assert (answer.duplicate, answer.message["seq"]) == (again, len(team.messages) + 1)
            known = frozenset() if mentioned is None else frozenset({mentioned})
            team.messages.append(
                Said(answer.message["id"], len(team.messages) + 1, user, 1, content, self.now, known - {user})
            )

    def _no_send(self, team: Team, user: int, mentioned: int | None) -> Code | None:
        if not team.has(user):
            return Code.ROLE_TOO_LOW
        if mentioned == 0:
            return None if user in (team.owner, team.admin) else Code.ROLE_TOO_LOW
        return None if mentioned is None or team.has(mentioned) else Code.INVALID

    @rule(talk=Talks, user=Who)
    def join(self, talk: int, user: int) -> None:
        team = self.teams[talk]
        if team.has(user):
            self._try(Code.ALREADY_A_MEMBER, join, actor_id=user, group_id=team.id)
        else:
            self._join(team, user)

    def _join(self, team: Team, user: int) -> None:
        assert self._do(join, actor_id=user, group_id=team.id).answer["joined"]
        self._changed(team, user)
        read_seq = team.seats[user].read_seq if user in team.seats else 0
        team.seats[user] = Seat(len(team.messages), read_seq=read_seq, mute=self._mute(team, user))

    @rule(talk=Talks, user=Who)
    def leave(self, talk: int, user: int) -> None:
        team = self.teams[talk]
        refused = Code.OWNER_CANNOT_LEAVE if user == team.owner else None if team.has(user) else Code.ROLE_TOO_LOW
        self._try(refused, leave, actor_id=user, group_id=team.id)
        if refused is None:
            self._changed(team, user)
            team.seats[user].upto = len(team.messages)

    @rule(talk=Talks, user=Who)
    def be_removed(self, talk: int, user: int) -> None:
        team = self.teams[talk]
        answer = self._do(remove, actor_id=team.owner, group_id=team.id, user_ids=[user]).answer
        if user != team.owner and team.has(user):
            assert answer == {"removed": [user], "failed": []}
            self._changed(team, team.owner)
            team.seats[user].upto = len(team.messages)
        else:
            assert [each["user_id"] for each in answer["failed"]] == [user]

    @rule(place=Places, user=Who)
    def recall(self, place: int, user: int) -> None:
        team, said = self._pick(place)
        refused = self._no_withdrawal(team, said, user, most=4)
        late = self.now - said.sent > timedelta(seconds=WINDOW)
        if refused is None and not self._rules(team, user) and late:
            refused = Code.RECALL_TOO_LATE
        self._try(refused, recall, user_id=user, message_id=said.id)
        said.status = 4 if refused is None else said.status

    @rule(place=Places, user=Who)
    def delete_for_everyone(self, place: int, user: int) -> None:
        team, said = self._pick(place)
        refused = self._no_withdrawal(team, said, user, most=5)
        self._try(refused, delete_for_everyone, user_id=user, message_id=said.id)
        said.status = 5 if refused is None else said.status

    def _no_withdrawal(self, team: Team, said: Said, user: int, *, most: int) -> Code | None:
        if said not in team.seen_by(user):
            return Code.NO_SUCH_MESSAGE
        if not team.has(user):
            return Code.ROLE_TOO_LOW
        if said.type == 0 or not (said.sender == user or self._rules(team, user)):
            return Code.FORBIDDEN
        return Code.ALREADY_WITHDRAWN if said.status >= most else None

    @rule(place=Places, user=Who)
    def delete_for_oneself(self, place: int, user: int) -> None:
        team, said = self._pick(place)
        refused = None if said in team.seen_by(user) else Code.NO_SUCH_MESSAGE
        self._try(refused, delete_for_oneself, user_id=user, message_id=said.id)
        if refused is None:
            said.hidden.add(user)

    @rule(place=Places, user=Who, alone=Bits)
    def read_up_to(self, place: int, user: int, alone: bool) -> None:
        team, said = self._pick(place)
        seen = said in team.seen_by(user)
        refused = None if seen else Code.NO_SUCH_MESSAGE if alone or user in team.seats else Code.NO_SUCH_CONVERSATION
        named = {} if alone else {"conversation_id": team.name}
        answer = self._try(refused, read, user_id=user, message_id=said.id, **named)
        if refused is None:
            self._has_read(team, user, said.seq, answer)

    @rule(talk=Talks, user=Who)
    def read_all(self, talk: int, user: int) -> None:
        team = self.teams[talk]
        refused = None if user in team.seats else Code.NO_SUCH_CONVERSATION
        answer = self._try(refused, read, user_id=user, conversation_id=team.name)
        if refused is None:
            self._has_read(team, user, team.seats[user].upto or len(team.messages), answer)

    def _has_read(self, team: Team, user: int, seq: int, answer: Any) -> None:
        seat = team.seats[user]
        seat.read_seq = max(seat.read_seq, seq)
        assert (answer.read_seq, answer.unread_count) == (seat.read_seq, len(team.unread(user)))

    @rule(talk=Talks, user=Who, hide=Bits)
    def arrange(self, talk: int, user: int, hide: bool) -> None:
        team = self.teams[talk]
        given = {"del_state": True} if hide else {"is_mute": not self._mute(team, user)}
        refused = (
            Code.NO_SUCH_CONVERSATION
            if user not in team.seats
            else None
            if hide or team.has(user)
            else Code.ROLE_TOO_LOW
        )
        self._try(refused, arrange, user_id=user, conversation_id=team.name, **given)
        if refused is None and hide:
            team.seats[user].hidden_at = team.seats[user].upto or len(team.messages)
        elif refused is None:
            team.seats[user].mute = given["is_mute"]

    @rule(talk=Talks, user=Who, after=st.integers(0, 9), length=st.integers(1, 9))
    def a_device_answers(self, talk: int, user: int, after: int, length: int) -> None:
        """A proof changes what the backlog brings, and nothing that a user sees."""
        self._do(proving(Proof(user, self.teams[talk].name, after, after + length)))

    # What workers do

    @rule(talk=Talks, limit=st.integers(1, 8))
    def apply(self, talk: int, limit: int) -> None:
        """Begin a drain. Others may hold the same events, and any of them may die."""
        applied = self._do(applying(shard_of(self.teams[talk].name, 16), limit=limit))
        if applied.projected:
            self.applied.append(applied)

    @precondition(lambda self: self.applied)
    @rule(place=st.integers(0, 7), fails=st.sampled_from([False, False, True]))
    def publish(self, place: int, fails: bool) -> None:
        applied = self.applied.pop(place % len(self.applied))

        def announce(told: Sequence[Told]) -> None:
            self._heard(told)
            if fails:
                raise ConnectionError

        try:
            self._do(publishing(applied, announce))
        except ConnectionError:
            self.applied.append(applied)

    def _drain(self, team: Team) -> None:
        while (applied := self._do(applying(shard_of(team.name, 16), limit=30))).projected:
            self._do(publishing(applied, self._heard))

    def _heard(self, told: Sequence[Told]) -> None:
        """Fail unless what is announced is as it now stands: no text of a message that was withdrawn."""
        said = {each.id: each for team in self.teams for each in team.messages}
        for each in told:
            if "seq" in each.content and each.content["id"] in said:
                known = said[each.content["id"]]
                assert each.content["status"] >= known.status
                assert each.content["content"] == known.content or known.status > 1 or known.hidden or known.type == 0

    # What must hold

    @invariant()
    def counts_are_exact(self) -> None:
        for team in self.teams:
            for user in team.seats:
                got = self._do(unread, user_id=user, conversation_id=team.name)
                assert got == len(team.unread(user)), (team.name, user)

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self._end()
        self.connection.close()

    def _end(self) -> None:
        for team in self.teams:
            self._drain(team)
        self.counts_are_exact()
        for team in self.teams:
            seqs = "SELECT seq FROM im_message WHERE conversation_id = ? ORDER BY seq"
            assert [seq for (seq,) in self.db.execute(seqs, [team.name])] == [each.seq for each in team.messages]
            assert self._do(audit, conversation_id=team.name, repair=False).drift == []
            for user in USERS:
                self._check_history(team, user)
        for user in USERS:
            self._check_list(user)
            self._check_sync(user)

    def _check_history(self, team: Team, user: int) -> None:
        if user not in team.seats:
            self._try(Code.NO_SUCH_CONVERSATION, history, user_id=user, conversation_id=team.name)
            return
        page = self._do(history, user_id=user, conversation_id=team.name, limit=100)
        due = [(each.id, each.seq, each.shown_to(user)) for each in team.seen_by(user) if each.shown_to(user) != 5]
        assert [(each["id"], each["seq"], each["status"]) for each in page.messages] == due

    def _check_list(self, user: int) -> None:
        page = self._do(conversations, user_id=user, page=1, limit=20)
        shown = [
            team for team in self.teams if user in team.seats and self._last(team, user) > self._hidden_at(team, user)
        ]
        assert {each["conversation_id"] for each in page.conversations} == {team.name for team in shown}
        assert page.total == len(shown)
        assert page.total_unread == sum(
            team.mentions(user) if self._mute(team, user) else len(team.unread(user)) for team in shown
        )
        for team in shown:
            self._check_view(team, user, next(e for e in page.conversations if e["conversation_id"] == team.name))

    def _check_view(self, team: Team, user: int, told: dict[str, Any]) -> None:
        seat = team.seats[user]
        assert (told["first_seq"], told["last_seq"]) == (seat.first, self._last(team, user))
        assert (told["unread_count"], told["unread_mentions"]) == (len(team.unread(user)), team.mentions(user))
        others = [each.read_seq for other, each in team.seats.items() if other != user]
        assert told["peer_read_seq"] == (min(max(others, default=0), len(team.messages)) if team.has(user) else 0)
        visible = [each.id for each in team.seen_by(user) if each.shown_to(user) != 5]
        assert (told["last_message"] or {}).get("id") == (visible[-1] if visible else None)

    def _check_sync(self, user: int) -> None:
        answer = self._do(sync, user_id=user, heads={}, changes={})
        told = {each.conversation["conversation_id"]: each for each in answer.conversations}
        assert set(told) == {team.name for team in self.teams if user in team.seats}
        for team in self.teams:
            if user in team.seats:
                got = [(each["seq"], each["status"]) for each in told[team.name].messages]
                assert got == [(each.seq, each.shown_to(user)) for each in team.seen_by(user)]

    # How it is done

    def _changed(self, team: Team, actor: int) -> None:
        """Note the system message that a change of the group has left."""
        stored = "SELECT id FROM im_message WHERE conversation_id = ? AND seq = ?"
        ((id_,),) = self.db.execute(stored, [team.name, len(team.messages) + 1])
        team.messages.append(Said(id_, len(team.messages) + 1, actor, 0, "", self.now))

    def _rules(self, team: Team, user: int) -> bool:
        """Returns whether a member is the owner or an admin: who has come back is neither."""
        role = "SELECT role FROM im_group_member WHERE group_id = ? AND user_id = ?"
        return any(role > 1 for (role,) in self.db.execute(role, [team.id, user]))

    def _mute(self, team: Team, user: int) -> bool:
        return user in team.seats and team.seats[user].mute

    def _hidden_at(self, team: Team, user: int) -> int:
        return team.seats[user].hidden_at

    def _last(self, team: Team, user: int) -> int:
        return team.seats[user].upto or len(team.messages)

    def _pick(self, place: int) -> tuple[Team, Said]:
        """Returns the message at an index, counted from the newest, and its group."""
        said = [(team, message) for team in self.teams for message in team.messages]
        said.sort(key=lambda each: each[1].id, reverse=True)
        return said[place % len(said)]

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


@pytest.mark.timeout(180 + EXAMPLES // 4)
def test_every_life_of_a_group_ends_as_the_contract_says(in_memory: Engine) -> None:
    GroupLife.engine = in_memory
    lives = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    try:
        run_state_machine_as_test(GroupLife, settings=lives)
    finally:
        in_memory.dispose()
