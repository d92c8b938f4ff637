"""Tests of beat's jobs, and that running a job too often does no harm."""

from typing import Any

import orjson
import pytest
from sqlalchemy import insert, select, update

from db.group_member import GroupMember
from db.outbox import OutboxEvent
from db.session import write
from db.ticket import Ticket
from messaging.login import add, begin_for, close_account
from tests import groups
from tests.messaging.conftest import ALICE, BOB, befriend, drain, project, read, set_view, shards, stored
from tests.workers.conftest import Worker


@pytest.fixture
def written(worker: Worker) -> dict[str, Any]:
    """Send a message from Alice to Bob. Returns the Message."""
    befriend(ALICE, BOB)
    return stored(ALICE, BOB)


def test_a_shard_whose_poke_was_lost_is_drained_once(worker: Worker, written: dict[str, Any]) -> None:
    old = update(OutboxEvent).values(
        create_time=read(lambda session: session.scalar(select(OutboxEvent.create_time))).replace(year=2001)
    )
    write(lambda session, _: session.execute(old))
    worker.do("upkeep.sweep()", "upkeep.sweep()")
    assert (worker.redis.smembers("im:dirty"), worker.sent("outbox")) == ({b"%d" % shard for shard in shards()}, [[]])


@pytest.mark.parametrize("command", [("SADD", "im:dirty", 1), ("RPUSH", "im:proofs", "[]")], ids=["shards", "proofs"])
def test_what_lies_ready_gets_a_task_when_its_own_was_lost(worker: Worker, command: tuple[str | int, ...]) -> None:
    worker.redis.execute_command(*command)
    worker.do("upkeep.sweep()")
    assert worker.sent("outbox") == [[]]


def test_what_has_a_task_gets_no_other(worker: Worker, written: dict[str, Any]) -> None:
    worker.do("ready.resume([1])", "upkeep.sweep()")
    assert worker.sent("outbox") == [[]]


def test_where_nothing_is_to_do_no_task_is_sent(worker: Worker) -> None:
    worker.do("upkeep.sweep()")
    assert worker.sent("outbox") == []


def test_what_has_expired_goes(worker: Worker) -> None:
    write(
        lambda session, now: session.execute(
            insert(Ticket), [{"ticket_hash": "x", "claims": "{}", "expires_at": now.replace(year=2001)}]
        )
    )
    worker.do("upkeep.expire_rows()")
    assert read(lambda session: session.scalars(select(Ticket)).all()) == []


def test_a_closed_account_leaves_the_groups_that_it_is_still_in(worker: Worker) -> None:
    for name in ("alice", "bob"):
        write(add, username=name, password_hash="x", nickname=name)
    mine = groups.made(ALICE, BOB)
    account = write(begin_for, user_id=BOB, address="192.0.2.1")
    assert account
    write(close_account, account=account)
    worker.do("upkeep.leave_groups()", "upkeep.leave_groups()")
    members = select(GroupMember.user_id).where(GroupMember.group_id == mine)
    assert read(lambda session: session.scalars(members).all()) == [ALICE]


def test_friends_are_told_of_whom_a_dead_relay_leaves_offline(worker: Worker) -> None:
    worker.do(
        f"presence.report('dead', {{{ALICE}: 1, {BOB}: 1}})",
        f"presence.report('alive', {{{BOB}: 1}})",
    )
    worker.redis.zadd("im:relays", {"dead": 0})
    worker.do("upkeep.expire_presence()")
    assert worker.sent("presence") == [[ALICE]]


def test_whoever_could_not_be_announced_is_announced_by_the_next_run(worker: Worker) -> None:
    worker.do(f"presence.report('dead', {{{ALICE}: 1}})")
    worker.redis.zadd("im:relays", {"dead": 0})
    worker.do(
        "from contextlib import suppress",
        "send, upkeep.send = upkeep.send, lambda *_: 1 / 0",
        "with suppress(ZeroDivisionError): upkeep.expire_presence()",
        "upkeep.send = send",
        "upkeep.expire_presence()",
        "upkeep.expire_presence()",
    )
    assert worker.sent("presence") == [[ALICE]]


def test_a_row_that_has_drifted_is_said_and_left_as_it_is(worker: Worker, written: dict[str, Any]) -> None:
    project()
    worker.audit()
    assert worker.audited() == {"sampled": 5, "drifted": 0}
    set_view(BOB, unread_count=5)
    assert "unread_count" in worker.audit()
    assert worker.audited() == {"sampled": 10, "drifted": 1}


def test_what_is_told_of_the_audits_is_of_the_last_ten(worker: Worker, written: dict[str, Any]) -> None:
    drain()
    set_view(BOB, unread_count=5)
    worker.audit()
    set_view(BOB, unread_count=1)
    worker.audit(9)
    assert worker.audited() == {"sampled": 50, "drifted": 1}
    worker.audit()
    assert worker.audited() == {"sampled": 50, "drifted": 0}


def test_audits_that_have_piled_up_run_once(worker: Worker, written: dict[str, Any]) -> None:
    worker.do("upkeep.audit_sample()", "upkeep.audit_sample()")
    assert worker.audited()["sampled"] == 5


def test_the_state_of_the_service_is_kept_for_whoever_looks(worker: Worker, written: dict[str, Any]) -> None:
    worker.do(f"presence.report('relay', {{{ALICE}: 2}})", "upkeep.snapshot()")
    found = orjson.loads(worker.redis.get("im:snapshot") or b"")
    assert (found["messages"], found["outbox_depth"], found["connections"]) == (written["id"], 1, 2)
