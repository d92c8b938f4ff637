"""Tests that an event that cannot be published is tried five times and then parked, and that no other waits for it."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from db import session as database
from db.message import Message
from db.outbox import OutboxEvent
from db.outbox_parked import Parked
from db.session import write
from messaging import outbox
from messaging.events import Announcement, ConversationRead, event_of
from messaging.parked import parked, retry, set_back_oldest
from tests.messaging.conftest import ALICE, BOB, apply, events, messages, project, publish, read, shards, stored
from workers.batches import Published


def drain_once(shard: int) -> tuple[list[Any], Published]:
    """Drain a batch. Returns the seqs of what is announced, and what became of the batch."""
    told: list[Announcement] = []
    applied = apply(shard)
    published = publish(applied, told.extend) if applied.projected else Published(applied.held)
    return [each.content["seq"] for each in told], published


def listed(*, after: int = 0, limit: int = 9) -> list[Parked]:
    return database.read(lambda session, now: list(parked(session, now, after=after, limit=limit)))


@pytest.fixture
def shard(pair: str) -> int:
    """Returns a shard with two events to publish. The message row of the first is gone."""
    for content in ("gone", "there"):
        stored(ALICE, BOB, content)
    (found,) = shards()
    project()
    write(lambda session, _: session.execute(delete(Message).where(Message.seq == 1)))
    return found


def test_the_others_go_on(shard: int) -> None:
    told, batch = drain_once(shard)
    assert (told, batch.count, len(batch.failures)) == ([2], 2, 1)
    assert [(event.message_id, event.attempts) for event in events()] == [(1, 1)]


def test_one_of_no_conversation_is_set_back_and_told_to_nobody(shard: int) -> None:
    (first, _) = events()
    write(
        lambda session, _: session.execute(
            update(OutboxEvent).where(OutboxEvent.id == first.id).values(conversation_id="group_05")
        )
    )
    applied = apply(shard)
    assert [each.reason for each in applied.failures] == ["UnknownConversation: group_05"]
    assert [(event.id, event.attempts) for event in events()][:1] == [(first.id, 1)]
    told: list[Announcement] = []
    publish(applied, told.extend)
    assert [each.content["seq"] for each in told] == [2]


def test_it_is_tried_five_times_and_parked(shard: int) -> None:
    (event, _) = events()
    tries = [drain_once(shard)[1].failures[0] for _ in range(5)]
    assert [(each.attempts, each.parked) for each in tries] == [(n, n == 5) for n in range(1, 6)]
    assert drain_once(shard)[1] == Published(frozenset([shard]))
    assert events() == []
    (found,) = listed()
    assert (found.shard, found.conversation_id, found.message_id) == (shard, "1_2", event.message_id)
    assert found.reason == "LookupError: message 1 is gone"


def test_a_second_one_is_parked_although_its_id_was_given_out_before(shard: int) -> None:
    """SQLite restarts the ids of an empty outbox."""
    for _ in range(5):
        drain_once(shard)
    stored(ALICE, BOB, "gone as well")
    project()
    write(lambda session, _: session.execute(delete(Message).where(Message.seq == 3)))
    for _ in range(5):
        drain_once(shard)
    assert events() == []
    assert [each.message_id for each in listed()] == [1, 3]


def test_a_message_that_cannot_be_read_is_parked_too(pair: str) -> None:
    stored(ALICE, BOB, "broken")
    project()
    write(lambda session, _: session.execute(update(Message).values(extra="{")))
    (shard,) = shards()
    assert [drain_once(shard)[0] for _ in range(5)] == [[]] * 5
    assert [each.reason.split(":")[0] for each in listed()] == ["JSONDecodeError"]


def test_an_attempt_is_not_counted_when_nothing_could_be_announced(shard: int) -> None:
    def refuse(_told: Any) -> None:
        raise ConnectionError("Redis is away")

    with pytest.raises(ConnectionError):
        publish(apply(shard), refuse)
    assert [event.attempts for event in events()] == [0, 0]


def test_what_was_put_back_is_told_when_it_can_be(shard: int) -> None:
    lost = write(lambda session, _: dict(session.execute(select(*Message.__table__.columns)).mappings().one()))
    for _ in range(5):
        drain_once(shard)
    (event,) = listed()
    write(
        lambda session, _: session.execute(
            insert(Message).values(lost | {"id": event.message_id, "seq": 1, "client_msg_id": None})
        )
    )
    assert write(retry, ids=[event.id, 99]) == [shard]
    assert listed() == []
    assert [each.attempts for each in events()] == [0]
    assert drain_once(shard)[0] == [1]


def test_an_event_that_cannot_be_applied_is_parked_as_it_is(pair: str) -> None:
    stored(ALICE, BOB)
    (shard,) = shards()

    def attempt(session: Session, now: datetime) -> list[bool]:
        return [each.parked for each in set_back_oldest(session, now, shard=shard, error=KeyError("a fault"))]

    assert [write(attempt) for _ in range(6)] == [[False]] * 4 + [[True], []]
    assert [each.reason for each in listed()] == ["KeyError: 'a fault'"]
    assert len(messages()) == 1


def test_they_are_listed_in_pages(pair: str) -> None:
    for _ in range(3):
        stored(ALICE, BOB)
    (shard,) = shards()
    for _ in range(15):
        write(set_back_oldest, shard=shard, error=KeyError("a fault"))
    first, second, third = (each.id for each in listed())
    assert [each.id for each in listed(after=first, limit=1)] == [second]
    assert [each.id for each in listed(after=second)] == [third]
    assert read(lambda session: session.scalars(select(OutboxEvent)).all()) == []


@pytest.mark.parametrize("origin", [None, "abc"])
def test_what_only_its_kind_has_is_kept(pair: str, origin: str | None) -> None:
    stored(ALICE, BOB)
    receipt = ConversationRead(conversation_id="1_2", change_seq=2, user_id=BOB, read_seq=1, origin=origin)
    (shard,) = shards()
    write(lambda session, now: outbox.append(session, now, [(shard, receipt)]))
    write(lambda session, _: session.execute(update(OutboxEvent).values(attempts=4)))
    for _ in range(2):
        write(set_back_oldest, shard=shard, error=ValueError("no"))
    put_aside = listed()
    assert [event_of(each) for each in put_aside[1:]] == [receipt]
    write(retry, ids=[put_aside[1].id])
    assert [event_of(each) for each in events()] == [receipt]
