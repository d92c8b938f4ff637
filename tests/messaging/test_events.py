"""Tests of events: applied in one transaction, published in the next as the data then stands, until that succeeds."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db import session as database
from db.outbox import Kind, OutboxEvent
from db.session import write
from messaging.conversation_update import arrange
from messaging.delete import delete_for_everyone, delete_for_oneself
from messaging.events import Announcement
from messaging.read import read
from messaging.recall import recall
from messaging.status import Status
from tests.messaging.conftest import (
    ALICE,
    BOB,
    CAROL,
    befriend,
    draft,
    drain,
    events,
    hide,
    project,
    set_message,
    shards,
    store,
    store_many,
    stored,
    view,
)
from tests.processes import wait_until
from workers.batches import apply_batch, publish_batch


def apply(shard: int, limit: int = 300) -> int:
    return write(apply_batch, shards=[shard], limit=limit).count


def publish(shard: int, limit: int = 300) -> list[Announcement]:
    told: list[Announcement] = []
    count = write(publish_batch, shards=[shard], limit=limit, publish=told.extend).count
    assert count <= limit
    return told


def refuse(_announcements: Sequence[Announcement]) -> None:
    raise ConnectionError("Redis is away")


@pytest.fixture
def shard(pair: str) -> int:
    """Store a message from Alice to Bob. Returns the shard of its event."""
    stored(ALICE, BOB, "first")
    (found,) = shards()
    return found


def test_both_users_are_told_of_a_message(pair: str) -> None:
    message = stored(ALICE, BOB)
    (told,) = drain()
    assert told == Announcement((ALICE, BOB), "new_message", message, message=True)
    assert events() == []


def test_applying_comes_first_and_tells_nobody(shard: int) -> None:
    assert publish(shard) == []
    assert apply(shard) == 1
    assert [event.applied for event in events()] == [True]
    assert view(BOB).unread_count == 1


def test_publishing_takes_only_what_was_applied(shard: int) -> None:
    apply(shard)
    stored(ALICE, BOB, "later")
    assert [told.content["content"] for told in publish(shard)] == ["first"]
    assert [event.applied for event in events()] == [False]


def test_an_event_is_applied_once(shard: int) -> None:
    assert [apply(shard), apply(shard)] == [1, 0]


def test_an_empty_shard_has_nothing_to_do(pair: str) -> None:
    assert (apply(0), publish(0)) == (0, [])


def test_announcements_keep_the_order_of_events(pair: str) -> None:
    befriend(ALICE, CAROL)
    store(draft(ALICE, BOB, "1"), draft(BOB, ALICE, "2"), draft(ALICE, BOB, "3"))
    assert [told.content["content"] for told in drain(limit=2)] == ["1", "2", "3"]


def test_a_batch_takes_the_oldest(shard: int) -> None:
    store_many(ALICE, BOB, 4)
    assert apply(shard, limit=3) == 3
    assert [event.applied for event in events()] == [True] * 3 + [False] * 2
    assert [told.content["seq"] for told in publish(shard, limit=2)] == [1, 2]
    assert [event.applied for event in events()] == [True] + [False] * 2


def test_what_could_not_be_announced_stays(shard: int) -> None:
    apply(shard)
    with pytest.raises(ConnectionError):
        write(publish_batch, shards=[shard], limit=300, publish=refuse)
    assert [event.applied for event in events()] == [True]
    assert [told.content["content"] for told in publish(shard)] == ["first"]
    assert events() == []


def test_counts_stand_although_nothing_could_be_announced(pair: str) -> None:
    stored(ALICE, BOB)
    with pytest.raises(ConnectionError):
        drain(refuse)
    assert view(BOB).unread_count == 1
    drain()
    assert view(BOB).unread_count == 1


def test_exactly_the_events_read_are_deleted(shard: int) -> None:
    """A smaller id can be committed later: its event, not yet read, must not be deleted with the others."""
    apply(shard)
    (known,) = events()
    late = {"id": known.id - 1, "shard": shard, "conversation_id": "1_2", "kind": Kind.SENT, "applied": True}

    def rule(session: Session, now: datetime) -> int:
        def another_commits(_told: Sequence[Announcement]) -> None:
            row = late | {"message_id": known.message_id, "create_time": now}
            session.execute(insert(OutboxEvent), [row])

        return publish_batch(session, now, shards=[shard], limit=300, publish=another_commits).count

    assert write(rule) == 1
    assert [event.id for event in events()] == [known.id - 1]


def test_shards_do_not_touch_each_other(pair: str) -> None:
    befriend(ALICE, CAROL)
    store(draft(ALICE, BOB), draft(ALICE, CAROL))
    mine, other = (event.shard for event in events())
    assert mine != other
    assert apply(mine) == 1
    assert [told.content["conversation_id"] for told in publish(mine)] == ["1_2"]
    assert [(event.shard, event.applied) for event in events()] == [(other, False)]


def test_a_shard_is_published_by_one_at_a_time(mariadb_database: str) -> None:
    befriend(ALICE, BOB)
    stored(ALICE, BOB)
    project()
    (shard,) = shards()
    beside: list[Any] = []

    def publishing(announced: list[Announcement]) -> Any:
        return write(publish_batch, shards=[shard], limit=9, publish=announced.extend)

    def another_comes(_told: Sequence[Announcement]) -> None:
        told: list[Announcement] = []
        beside.append((publishing(told).held, told))

    write(publish_batch, shards=[shard], limit=9, publish=another_comes)
    assert beside == [(frozenset(), [])]
    assert events() == []


@pytest.mark.parametrize("rule", [recall, delete_for_everyone])
def test_nothing_is_withdrawn_while_it_is_published(mariadb_database: str, rule: Any) -> None:
    befriend(ALICE, BOB)
    message = stored(ALICE, BOB, "secret")
    project()
    withdrawn: list[Future[Any]] = []

    with ThreadPoolExecutor(1) as pool:

        def somebody_withdraws_it(_told: Sequence[Announcement]) -> None:
            withdrawing = pool.submit(write, rule, user_id=ALICE, message_id=message["id"])
            withdrawn.append(withdrawing)
            wait_until(lambda: withdrawing.done() or lock_waits(), "a lock to be waited for")
            assert not withdrawing.done()

        (told,) = drain(somebody_withdraws_it, limit=1)[:1]
    assert told.content["content"] == "secret"
    assert withdrawn[0].result().message.status in (Status.RECALLED, Status.DELETED)


def lock_waits() -> int:
    """Returns how many transactions wait for a row's lock now."""
    statement = text("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
    return int(database.read(lambda session, _: session.execute(statement).one()[1]))


@pytest.mark.parametrize("status", [Status.RECALLED, Status.DELETED])
def test_what_was_withdrawn_before_it_was_told_is_never_told(pair: str, status: Status) -> None:
    message = stored(ALICE, BOB, "secret", extra='{"also":"secret"}')
    project()
    set_message(message, status=status)
    (told,) = drain()
    assert "secret" not in str(told)
    assert (told.content["seq"], told.content["status"], told.content["extra"]) == (1, status, None)


def test_who_hid_a_message_gets_its_tombstone(pair: str) -> None:
    message = stored(ALICE, BOB, "secret")
    hide(BOB, message)
    seen, tombstone = drain()
    assert (seen.user_ids, seen.content) == ((ALICE,), message)
    assert (tombstone.user_ids, tombstone.kind, tombstone.message) == ((BOB,), "new_message", True)
    assert (tombstone.content["seq"], tombstone.content["status"], tombstone.content["content"]) == (1, 5, "")


def test_a_message_that_both_hid_is_a_tombstone_for_both(pair: str) -> None:
    message = stored(ALICE, BOB)
    for user in (ALICE, BOB):
        hide(user, message)
    (told,) = drain()
    assert (told.user_ids, told.content["status"]) == ((ALICE, BOB), 5)


def changed(rule: Any, message: dict[str, Any], user_id: int) -> list[Announcement]:
    """Let a user recall or delete a message, and drain. Returns what is announced."""
    drain()
    write(rule, user_id=user_id, message_id=message["id"])
    return drain()


@pytest.mark.parametrize(
    ("rule", "kind", "status"),
    [(recall, "message_recalled", 4), (delete_for_everyone, "message_deleted", 5)],
    ids=["recall", "delete"],
)
def test_both_are_told_of_a_withdrawn_message(pair: str, rule: Any, kind: str, status: int) -> None:
    (told,) = changed(rule, stored(ALICE, BOB, "secret"), ALICE)
    assert (told.user_ids, told.kind, told.message) == ((ALICE, BOB), kind, False)
    assert (told.content["status"], told.content["seq"], told.content["change_seq"]) == (status, 1, 2)
    assert "secret" not in str(told)


def test_what_one_deleted_for_himself_is_told_to_him_alone(pair: str) -> None:
    (told,) = changed(delete_for_oneself, stored(ALICE, BOB, "secret"), BOB)
    assert (told.user_ids, told.kind) == ((BOB,), "message_deleted")
    assert (told.content["status"], told.content["content"]) == (5, "")


def test_a_recalled_message_that_one_hid_stays_a_tombstone_for_him(pair: str) -> None:
    message = stored(ALICE, BOB)
    hide(BOB, message)
    seen, tombstone = changed(recall, message, ALICE)
    assert (seen.user_ids, seen.content["status"]) == ((ALICE,), 4)
    assert (tombstone.user_ids, tombstone.content["status"]) == ((BOB,), 5)


@pytest.mark.parametrize("alone", [True, False])
def test_both_are_told_of_a_receipt_but_for_the_connection_it_came_from(pair: str, alone: bool) -> None:
    first, _ = store_many(ALICE, BOB, 2)
    drain()
    what = {"message_id": first["id"]} if alone else {"conversation_id": pair}
    write(read, user_id=BOB, origin="a connection", **what)
    (told,) = drain()
    assert (told.user_ids, told.kind, told.origin) == ((ALICE, BOB), "read_receipt", "a connection")
    assert told.content == {
        "conversation_id": pair,
        "user_id": BOB,
        "read_seq": 0 if alone else 2,
        "message_id": first["id"] if alone else None,
        "change_seq": 3,
    }


def test_an_arrangement_has_its_users_own_devices_sync(pair: str) -> None:
    write(arrange, user_id=BOB, conversation_id=pair, is_top=True)
    (told,) = drain()
    assert told == Announcement((BOB,), "resync", {"conversation_id": pair})
