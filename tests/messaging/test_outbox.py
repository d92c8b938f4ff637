"""Tests of the outbox's own statements."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db.flight import Rows, fly
from db.outbox import OutboxEvent
from db.outbox_shard import OutboxShard
from db.session import write, write_at_once
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


def claim(*shards: int, limit: int = 300) -> tuple[frozenset[int], list[int]]:
    """Returns the shards that a drain can lock of these, and the ids of their events that it gets."""

    def rule(session: Session, _now: datetime, found: Sequence[Rows]) -> tuple[frozenset[int], list[int]]:
        held, claimed = outbox.claimed(session, shards, found, limit=limit)
        return held, [event.id for event in claimed]

    return write_at_once(outbox.claiming(shards, limit=limit), rule)


def pending(*shards: int, limit: int = 300) -> list[int]:
    return claim(*shards, limit=limit)[1]


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


def test_several_shards_are_read_one_after_the_other(any_database: str) -> None:
    for shard in (2, 1, 2, 1, 3):
        add(shard)
    assert pending(1, 2) == [2, 4, 1, 3]
    assert pending(1, 2, limit=3) == [2, 4, 1]


def test_an_event_is_pending_whether_a_worker_of_the_release_before_has_applied_it_or_not(any_database: str) -> None:
    for applied in (False, True, False):
        add(1, applied=applied)
    assert pending(1) == [1, 2, 3]


def test_only_the_events_named_are_removed(any_database: str) -> None:
    add(1, count=4)
    ids = [event.id for event in events()]
    write(lambda session, _: outbox.remove(session, ids[2:]))
    write(lambda session, _: outbox.remove(session, []))
    assert [event.id for event in events()] == ids[:2]


def test_only_the_events_named_that_are_still_there_are_held(any_database: str) -> None:
    add(1, count=4)
    write(lambda session, _: outbox.remove(session, [3]))
    (held,) = write(lambda session, _: fly(session, outbox.holding([2, 3, 4, 5])))
    assert [row.id for row in held] == [2, 4]


def test_a_shards_lock_is_made_at_its_first_use(any_database: str) -> None:
    add(7)
    for _ in range(2):
        assert claim(7) == (frozenset([7]), [1])
    assert read(lambda session: [row.shard for row in session.query(OutboxShard)]) == [7]


def beside(held: list[int], *asked: int, limit: int = 300) -> tuple[frozenset[int], list[int]]:
    """Returns what a drain that asks for shards gets, while another drain holds some of them."""

    def rule(session: Session, _: datetime) -> tuple[frozenset[int], list[int]]:
        (locked,) = fly(session, outbox.locking(held))
        assert [row.shard for row in locked] == held
        return claim(*asked, limit=limit)

    claim(*held)
    return write(rule)


def test_a_shard_that_another_holds_is_refused_at_once_and_others_are_free(mariadb_database: str) -> None:
    claim(9)
    for shard in (7, 8, 9):
        add(shard)
    assert beside([7], 7, 8, 9) == (frozenset([8, 9]), [2, 3])
    assert beside([7, 9], 7, 9) == (frozenset(), [])


def test_the_events_of_a_shard_that_another_holds_take_no_place_in_a_batch(mariadb_database: str) -> None:
    claim(7, 8)
    add(7, count=3)
    add(8, count=3)
    assert beside([7], 7, 8, limit=3) == (frozenset([8]), [4, 5, 6])
    assert beside([7], 7, 8, limit=4) == (frozenset([8]), [4, 5, 6])
    assert beside([7], 7, 8, limit=2) == (frozenset([8]), [4, 5])
    assert beside([8], 7, 8, limit=2) == (frozenset([7]), [1, 2])


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
        _, found = fly(session, *outbox.claiming([1, 2], limit=10))
        assert len(found) == 10
        rows = session.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'"))
        return sum(int(value) for _, value in rows)

    assert write(handler_reads) < 50
