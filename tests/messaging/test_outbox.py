"""Tests of the outbox's own statements."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from db.outbox import OutboxEvent
from db.outbox_shard import OutboxShard
from db.session import write
from messaging import outbox
from messaging.events import ConversationRead, MessageSent, event_of
from messaging.events.kinds import row_of
from tests.messaging.conftest import events, read

AGE = timedelta(hours=1)
SENT = MessageSent(conversation_id="1_2", message_id=1, change_seq=1)
READ = ConversationRead(conversation_id="1_2", user_id=2, change_seq=2, read_seq=1, origin="abc")


def add(shard: int, *, count: int = 1, applied: bool = False, age: int = 0) -> None:
    """Put events into a shard, stored `age` seconds ago."""

    def rule(session: Session, now: datetime) -> None:
        row = row_of(SENT, shard=shard, now=now - timedelta(seconds=age)) | {"applied": applied}
        session.execute(insert(OutboxEvent), [row] * count)

    write(rule)


def stray(now: datetime | None = None) -> list[int]:
    return sorted(write(lambda session, current: outbox.stray_shards(session, now or current, older_than=AGE)))


def pending(shard: int, *, applied: bool = False, limit: int = 300) -> list[int]:
    return [event.id for event in read(lambda s: outbox.pending(s, shards=[shard], applied=applied, limit=limit))]


def test_an_event_comes_back_as_it_was_written(any_database: str) -> None:
    def rule(session: Session, now: datetime) -> datetime:
        outbox.append(session, now, [(3, SENT), (4, READ)])
        return now

    now = write(rule)
    rows: list[Any] = events()
    assert [event_of(row) for row in rows] == [SENT, READ]
    assert [(row.shard, row.applied, row.create_time) for row in rows] == [(3, False, now), (4, False, now)]


def test_a_shard_sees_its_own_events_oldest_first(any_database: str) -> None:
    for shard in (1, 2, 1, 2, 1):
        add(shard)
    assert (pending(1), pending(2), pending(3)) == ([1, 3, 5], [2, 4], [])
    assert pending(1, limit=2) == [1, 3]


def test_applied_events_are_kept_apart(any_database: str) -> None:
    add(1)
    add(1, applied=True)
    assert (pending(1), pending(1, applied=True)) == ([1], [2])


def test_only_the_events_named_are_marked_and_removed(any_database: str) -> None:
    add(1, count=4)
    write(lambda session, _: outbox.mark_applied(session, [1, 3]))
    assert pending(1, applied=True) == [1, 3]
    write(lambda session, _: outbox.remove(session, [3, 4]))
    assert [event.id for event in events()] == [1, 2]


def test_a_shards_lock_is_made_at_its_first_use(any_database: str) -> None:
    for _ in range(2):
        assert write(lambda session, _: outbox.lock_free(session, [7])) == [7]
    assert read(lambda session: [row.shard for row in session.query(OutboxShard)]) == [7]


def test_a_shard_that_another_holds_is_refused_at_once_and_others_are_free(mariadb_database: str) -> None:
    write(lambda session, _: outbox.lock_free(session, [7, 9]))

    def beside(session: Session, _: datetime) -> list[int]:
        assert outbox.lock_free(session, [7]) == [7]
        return write(lambda other, _: outbox.lock_free(other, [7, 8, 9]))

    assert sorted(write(beside)) == [8, 9]


@pytest.mark.parametrize("applied", [False, True])
def test_a_shard_is_stray_when_its_oldest_event_is_old(any_database: str, applied: bool) -> None:
    add(1, applied=applied, age=7200)
    add(1, applied=not applied)
    add(2, applied=applied)
    assert stray() == [1]


def test_no_events_are_no_strays(any_database: str) -> None:
    assert stray() == []


def test_a_shard_is_named_once(any_database: str) -> None:
    for applied in (False, True):
        add(1, count=2, applied=applied, age=7200)
    assert stray() == [1]


def test_an_event_of_exactly_that_age_is_not_yet_stray(any_database: str) -> None:
    add(1)
    (event,) = events()
    assert stray(event.create_time + AGE) == []
    assert stray(event.create_time + AGE + timedelta(seconds=1)) == [1]


def test_an_event_of_the_future_is_stray(any_database: str) -> None:
    """After the database's clock was set back, a drain would otherwise wait as long as the step was."""
    add(1, age=-7200)
    add(2, age=-1800)
    assert stray() == [1]


def test_an_old_event_committed_late_does_not_hide_behind_a_younger_one(any_database: str) -> None:
    """`create_time` is when the transaction began, so a later id can be older. The oldest id decides, and ages too."""
    add(1)
    add(1, age=7200)
    (first, _) = events()
    assert stray(first.create_time + AGE * 2) == [1]


def test_pending_events_are_found_by_their_index_alone(mariadb_database: str) -> None:
    """Thousands of events wait after an outage. A batch must not read and sort them all."""
    for shard in range(4):
        for applied in (False, True):
            add(shard, count=500, applied=applied)

    def handler_reads(session: Session, _now: datetime) -> int:
        session.execute(text("FLUSH STATUS"))
        assert len(outbox.pending(session, shards=[1], applied=False, limit=10)) == 10
        rows = session.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
        return sum(int(value) for _, value in rows)

    assert write(handler_reads) < 50


def test_marking_leaves_the_rest_of_an_event_alone(any_database: str) -> None:
    add(1, age=60)
    write(lambda session, _: session.execute(update(OutboxEvent).values(message_id=5)))
    before = events()[0].create_time
    write(lambda session, _: outbox.mark_applied(session, [1]))
    (event,) = events()
    assert (event.create_time, event.message_id, event.applied) == (before, 5, True)
