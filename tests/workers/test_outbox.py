"""Tests that a long drain is split into tasks, and that an event that cannot be applied holds up no other."""

from datetime import datetime

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from db.session import write
from tests.messaging.conftest import ALICE, BOB, CAROL, DAVE, befriend, events, read, shards, stored, view
from tests.workers.conftest import Worker

# Runs the tasks in the queue one after the other, like a worker, and prints how many there were.
_TASKS = """
from infra.redis import client
work.SPELL_SECONDS = {spell}
ready.resume(range(16))
drains = 0
while client().lpop("outbox"):
    work.work()
    drains += 1
print(drains)
"""


def drains(worker: Worker, *, spell: float = 20, batch: int = 600) -> int:
    """Drain all shards. Returns how many tasks it took."""
    return int(worker.do(_TASKS.format(spell=spell), OUTBOX_BATCH=str(batch)).splitlines()[0])


@pytest.fixture
def three_shards(worker: Worker) -> Worker:
    """Send two messages from Alice to each of three friends, in three shards. Returns a worker."""
    for friend in (BOB, CAROL, DAVE):
        befriend(ALICE, friend)
        for _ in range(2):
            stored(ALICE, friend)
    assert len(shards()) == 3
    return worker


def test_a_short_drain_is_one_task(three_shards: Worker) -> None:
    assert drains(three_shards) == 1
    assert events() == []


def test_a_worker_with_many_events_leaves_half_of_the_shards_to_others(three_shards: Worker) -> None:
    """The half is drawn by lot."""
    halves = set()
    for seed in range(3):
        stored(ALICE, BOB)
        busy = set(shards())
        three_shards.do("ready.resume(range(16))")
        three_shards.redis.delete("outbox")
        three_shards.do(f"outbox.random.seed({seed})", "work.SPELL_SECONDS = 60", "work.work()", OUTBOX_BATCH="1")
        left = {int(shard) for shard in three_shards.redis.smembers("im:dirty")}
        assert (len(left), three_shards.sent("outbox")) == (8, [[]])
        assert set(shards()) == busy & left
        halves.add(frozenset(left))
    assert len(halves) == 3


def test_a_long_drain_goes_on_in_other_tasks(three_shards: Worker) -> None:
    assert drains(three_shards, spell=0, batch=1) > 2
    assert events() == []
    assert [view(friend, f"1_{friend}").unread_count for friend in (BOB, CAROL, DAVE)] == [2, 2, 2]


def spoiled(event: OutboxEvent) -> None:
    """Make an event name a message that is not of its conversation."""
    befriend(BOB, CAROL)
    message = stored(BOB, CAROL)

    def rule(session: Session, _now: datetime) -> None:
        session.execute(delete(OutboxEvent).where(OutboxEvent.message_id == message["id"]))
        wrong = update(OutboxEvent).where(OutboxEvent.id == event.id)
        session.execute(wrong.values(conversation_id="1_9", message_id=message["id"]))

    write(rule)


def test_what_cannot_be_applied_holds_up_no_other_shard_and_in_the_end_not_its_own(three_shards: Worker) -> None:
    (wrong, *_) = events()
    spoiled(wrong)
    drains(three_shards)
    assert {event.shard for event in events()} == {wrong.shard}
    assert [event.attempts for event in events()] == [1, 0]
    for _ in range(4):
        drains(three_shards)
    assert read(lambda session: session.scalars(select(Parked.conversation_id)).all()) == ["1_9"]
    assert drains(three_shards) == 1
    assert events() == []


def test_what_is_in_front_of_it_goes_on(three_shards: Worker) -> None:
    wrong = [event for event in events() if event.conversation_id == "1_2"][-1]
    spoiled(wrong)
    drains(three_shards)
    assert [event.id for event in events()] == [wrong.id]
    assert view(BOB).unread_count == 1


def test_narrowing_down_ends_with_the_spell_and_goes_on_in_other_tasks(three_shards: Worker) -> None:
    for _ in range(3):
        stored(ALICE, BOB)
    wrong = [event for event in events() if event.conversation_id == "1_2"][-1]
    spoiled(wrong)
    assert drains(three_shards, spell=0) > 4, "one for each event in front of it"
    assert [event.id for event in events()] == [wrong.id]
    assert view(BOB).unread_count == 4
