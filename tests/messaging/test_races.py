"""Tests that two rules at once keep counts exact and lower no status, in either order. On MariaDB, which locks rows."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from db.blacklist import Blacklist
from db.conversation import Conversation
from db.head import Head
from db.message import Message
from db.outbox import OutboxEvent
from db.session import engine, write
from messaging import rows
from messaging.audit import audit
from messaging.conversation_id import shard_of
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.delivered import Proof
from messaging.directory import may_talk
from messaging.errors import Code, Refused
from messaging.events import Announcement
from messaging.read import read
from messaging.recall import recall
from messaging.send import Sent, send
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    apply,
    applying,
    befriend,
    draft,
    messages,
    proving,
    publishing,
    store,
    store_many,
    stored,
    view,
)
from tests.messaging.conftest import read as read_rows
from tests.processes import PATIENCE, wait_until

ROUNDS = 200
NAME = "1_2"
SHARD = shard_of(NAME, 16)
_LOCK_WAITS = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
Rule = Callable[[Session, datetime], Any]
Both = Callable[[Rule, Rule], tuple[Any, Any]]


@pytest.fixture
def both(mariadb_database: str) -> Iterator[Both]:
    """Yields a function that runs two rules at once and returns their answers or refusals. Other errors are raised."""
    befriend(ALICE, BOB)
    start = Barrier(2)

    def attempt(rule: Rule) -> Any:
        start.wait(30)
        try:
            return write(rule)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(2) as threads:

        def together(one: Rule, other: Rule) -> tuple[Any, Any]:
            first, second = threads.submit(attempt, one), threads.submit(attempt, other)
            return first.result(60), second.result(60)

        yield together


def statuses(*, after: int = 0) -> dict[int, int]:
    """Returns the status of each message above seq `after`, by seq."""
    newer = select(Message.seq, Message.status).where(Message.seq > after)
    return dict(read_rows(lambda session: session.execute(newer).all()))


def settle(*, recounted: bool = True) -> None:
    """Drain. Fails unless the rows then equal a recount."""

    def rule(session: Session, now: datetime) -> Any:
        assert applying(SHARD, limit=300)(session, now).count < 300
        session.execute(delete(OutboxEvent))
        return audit(session, now, conversation_id=NAME, repair=False).drift if recounted else []

    assert write(rule) == []


def reading(message: dict[str, Any], how: int) -> Rule:
    """Returns a rule by which Bob reads this message, all up to it, or the whole conversation."""
    what = [
        {"message_id": message["id"]},
        {"message_id": message["id"], "conversation_id": NAME},
        {"conversation_id": NAME},
    ][how % 3]
    return lambda session, now: read(session, now, user_id=BOB, **what)


def recalling(message: dict[str, Any]) -> Rule:
    return lambda session, now: recall(session, now, user_id=ALICE, message_id=message["id"])


def deleting(user_id: int, message: dict[str, Any]) -> Rule:
    return lambda session, now: delete_for_everyone(session, now, user_id=user_id, message_id=message["id"])


def hiding(user_id: int, message: dict[str, Any]) -> Rule:
    return lambda session, now: delete_for_oneself(session, now, user_id=user_id, message_id=message["id"])


def proving_up_to(seq: int) -> Rule:
    """Returns a rule that stores the proof of a device of Bob's for everything up to a seq."""
    return proving(Proof(BOB, NAME, 0, seq))


def test_reading_while_the_drain_comes(both: Both) -> None:
    for how in range(ROUNDS):
        message, other = store_many(ALICE, BOB, 2)
        answer, applied = both(reading(message, how), applying(SHARD))
        assert applied.count >= 2
        settle(recounted=how % 10 < 3)
        row = view(BOB)
        assert (answer.read_seq, row.unread_count) == (row.read_seq, 0 if how % 3 == 2 else 1)
        now = statuses(after=message["seq"] - 1)
        assert (now[message["seq"]], now[other["seq"]]) == (3, 3 if how % 3 == 2 else 1)


def test_recalling_while_the_other_reads(both: Both) -> None:
    all_of_them = store_many(ALICE, BOB, ROUNDS)
    settle()
    for how, message in enumerate(all_of_them):
        recalled, seen = both(recalling(message), reading(message, how % 2))
        assert not isinstance(recalled, Refused)
        assert not isinstance(seen, Refused)
        if how % 25 == 0:
            settle()
    assert set(statuses().values()) == {Status.RECALLED}
    settle()
    assert view(BOB).unread_count == 0


def test_recalling_while_the_drain_comes(both: Both) -> None:
    for turn in range(ROUNDS // 2):
        _, last = store_many(ALICE, BOB, 2)
        recalled, _ = both(recalling(last), applying(SHARD, limit=1 + last["seq"] % 3))
        assert recalled.message.status == Status.RECALLED
        settle(recounted=turn % 10 == 0)
    settle()
    assert view(BOB).unread_count == ROUNDS // 2


def test_both_delete_for_everyone_at_once(both: Both) -> None:
    all_of_them = store_many(ALICE, BOB, ROUNDS)
    settle()
    for message in reversed(all_of_them):  # from the newest, so that each is the preview
        answers = both(deleting(ALICE, message), deleting(BOB, message))
        (refused,) = (answer for answer in answers if isinstance(answer, Refused))
        assert refused.code == Code.ALREADY_WITHDRAWN
        if message["seq"] % 25 == 0:
            settle()
    settle()
    assert (view(BOB).unread_count, view(BOB).last_message_id) == (0, None)
    assert set(statuses().values()) == {Status.DELETED}


def test_one_deletes_for_everyone_while_the_other_hides(both: Both) -> None:
    all_of_them = store_many(ALICE, BOB, ROUNDS // 4)
    settle()
    for message in reversed(all_of_them):
        assert not any(isinstance(answer, Refused) for answer in both(deleting(ALICE, message), hiding(BOB, message)))
        if message["seq"] % 25 == 0:
            settle()
    settle()
    assert (view(BOB).unread_count, view(BOB).last_message_id) == (0, None)


def test_two_devices_hide_the_same(both: Both) -> None:
    all_of_them = store_many(ALICE, BOB, ROUNDS // 4)
    settle()
    for message in all_of_them:
        changes = [answer.shard for answer in both(hiding(BOB, message), hiding(BOB, message))]
        assert sorted(changes, key=str) == [SHARD, None]
    settle()
    assert (view(BOB).unread_count, view(ALICE).last_message_id) == (0, all_of_them[-1]["id"])


def test_recalling_while_a_device_answers(both: Both) -> None:
    all_of_them = store_many(ALICE, BOB, ROUNDS)
    settle()
    for message in all_of_them:
        recalled, holding = both(recalling(message), proving_up_to(message["seq"]))
        assert recalled.message.status == Status.RECALLED
        assert len(holding.holding) == 1
        assert view(BOB).delivered_seq == message["seq"]
    assert set(statuses().values()) == {Status.RECALLED}
    settle()


def test_reading_while_a_device_answers(both: Both) -> None:
    all_of_them = store_many(ALICE, BOB, ROUNDS // 4)
    settle()
    for how, message in enumerate(all_of_them):
        both(reading(message, how % 2), proving_up_to(message["seq"]))
    assert set(statuses().values()) == {Status.READ}
    settle()


def test_sending_while_the_other_reads_all(both: Both) -> None:
    for _ in range(ROUNDS):
        sending: Rule = lambda session, now: send(session, now, [draft(ALICE, BOB)], may_talk=may_talk)  # noqa: E731
        (sent,), answer = both(sending, lambda session, now: read(session, now, user_id=BOB, conversation_id=NAME))
        assert isinstance(sent, Sent)
        assert answer.read_seq in (sent.message["seq"] - 1, sent.message["seq"])
        settle(recounted=sent.message["seq"] % 10 == 0)
        seq = sent.message["seq"]
        assert view(BOB).unread_count == seq - answer.read_seq
        assert statuses(after=seq - 1) == {seq: Status.READ if answer.read_seq == seq else Status.SENT}


def test_publishing_while_it_is_withdrawn_read_or_answered_for(both: Both) -> None:
    for turn in range(ROUNDS // 4):
        message, _ = store_many(ALICE, BOB, 2)
        applied = apply(SHARD)
        told: list[Announcement] = []
        others = [recalling(message), reading(message, turn), proving_up_to(message["seq"] + 1), hiding(BOB, message)]
        batch, _ = both(publishing(applied, told.extend), others[turn % 4])
        assert batch.count >= 2
        assert not batch.failures
        assert len(told) >= 2
        settle(recounted=turn % 10 == 0)


def test_two_drains_of_a_shard(both: Both) -> None:
    for _ in range(ROUNDS):
        store_many(ALICE, BOB, 3)
        applied = both(applying(SHARD, limit=2), applying(SHARD, limit=2))
        assert sorted(each.count for each in applied) in ([0, 2], [2, 2]), (
            "one comes after the other, or leaves it to him"
        )
        write(applying(SHARD))
        settle()
    assert view(BOB).unread_count == 3 * ROUNDS


def test_two_drains_that_hold_the_same_events_publish_each_once(both: Both) -> None:
    for turn in range(ROUNDS // 4):
        sent = store_many(ALICE, BOB, 3)
        applied = [apply(SHARD, limit=2 + turn % 2), apply(SHARD)]
        told: list[Announcement] = []
        published = both(*(publishing(each, told.extend) for each in applied))
        while (rest := apply(SHARD)).count:
            write(publishing(rest, told.extend))
        assert [each.content["seq"] for each in told] == [message["seq"] for message in sent]
        assert any(each.done for each in published)
    settle()
    assert view(BOB).unread_count == 3 * (ROUNDS // 4)


def test_a_block_stops_a_send_that_waits_for_its_head(mariadb_database: str) -> None:
    befriend(ALICE, BOB)
    block = {"user_id": BOB, "blocked_id": ALICE}
    stored(ALICE, BOB, "first", client_msg_id="first")
    drafts = [draft(ALICE, BOB, "first", client_msg_id="first"), draft(ALICE, BOB, "second")]
    with ThreadPoolExecutor() as pool, engine().connect() as holder:
        holder.execute(select(Head).with_for_update())
        answers = pool.submit(store, *drafts)
        wait_until(lambda: int(holder.exec_driver_sql(_LOCK_WAITS).one()[1]), "the send to wait for the head")
        write(lambda session, now: session.execute(insert(Blacklist), [block | {"create_time": now}]))
        holder.rollback()
        again, refused = answers.result(PATIENCE)
    assert isinstance(again, Sent)
    assert again.duplicate
    assert isinstance(refused, Refused)
    assert refused.code is Code.NOT_FRIENDS
    assert [message.content for message in messages()] == ["first"]


def test_rows_are_locked_in_the_order_of_their_key_however_many(mariadb_database: str) -> None:
    """Two rules that lock some of the same rows, in parts, must lock them in the same order."""
    keys = [("3_5000", 3), *((f"10_{peer}", 10) for peer in range(2000, 2150))]
    write(rows.lock, keys)
    of_user = select(Conversation.id).with_for_update(nowait=True)
    with ThreadPoolExecutor() as pool, engine().connect() as holder, engine().connect() as other:
        holder.execute(of_user.where(Conversation.user_id == 3))
        locked = pool.submit(write, rows.lock, keys)
        wait_until(lambda: int(holder.exec_driver_sql(_LOCK_WAITS).one()[1]), "the first row to be waited for")
        assert len(other.execute(of_user.where(Conversation.user_id == 10)).all()) == 150, "nothing behind it is locked"
        other.rollback()
        holder.rollback()
        assert len(locked.result(PATIENCE)) == len(keys)
